"""Picture files: read and written through FFmpeg or OpenImageIO, with what they say beside the samples.

OpenImageIO reads and writes OpenEXR and TIFF, which hold more than one picture: layers, parts or pages, channels of all
kinds. FFmpeg reads and writes the others: it keeps a JPEG's own colours, and DPX, PNG and JPEG headers are carried over
byte for byte, where OpenImageIO would write them anew.
"""
