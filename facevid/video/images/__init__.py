"""Image files: samples and metadata, through FFmpeg, OpenImageIO or libheif.

OpenImageIO reads and writes OpenEXR and TIFF, which can contain several images (layers, parts, pages) and any number of
channels. FFmpeg reads and writes the other formats: it keeps a JPEG's own YUV samples. The headers of DPX, PNG and JPEG
files are copied byte for byte, where OpenImageIO would write new ones.
"""
