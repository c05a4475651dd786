"""Extend XMP packets by the provenance of a result (ISO 16684-1; IPTC Photo Metadata Standard 2025.1)."""

from typing import TYPE_CHECKING

from facevid.provenance.statement import Provenance

if TYPE_CHECKING:
    from xml.dom.minidom import Document, Element

_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
"""Namespace of IPTC's extension schema."""

_PREFIX = "Iptc4xmpExt"
"""Usual prefix of the namespace."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
"""Namespace of RDF."""

_EMPTY_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>\n'
    '<?xpacket end="w"?>'
).encode()
"""A packet without properties."""


def extend_xmp(packet: bytes | None, provenance: Provenance) -> bytes:
    """Return an XMP packet with the provenance of a result; all other properties are kept.

    Args:
        packet: the packet of the source; None if there is none. A damaged one is replaced.
        provenance: what to state. It replaces an earlier statement, such as that of a camera.

    Returns:
        The packet in UTF-8, without padding.
    """
    document, rdf = _parse(packet or _EMPTY_PACKET) or _parse(_EMPTY_PACKET) or (None, None)
    assert document is not None
    assert rdf is not None
    descriptions = _elements(rdf)
    about = descriptions[0].getAttributeNS(_RDF, "about") if descriptions else ""
    for description in descriptions:
        _remove_properties(description, provenance)
        if _is_empty(description):
            rdf.removeChild(description)
    new = document.createElementNS(_RDF, "rdf:Description")
    new.setAttribute("xmlns:rdf", _RDF)
    new.setAttribute(f"xmlns:{_PREFIX}", _IPTC)
    new.setAttributeNS(_RDF, "rdf:about", about)
    for name, value in provenance.properties.items():
        element = document.createElementNS(_IPTC, f"{_PREFIX}:{name}")
        element.appendChild(document.createTextNode(value))
        new.appendChild(element)
    rdf.appendChild(new)
    return "\n".join(node.toxml() for node in document.childNodes).encode()


def _parse(packet: bytes) -> "tuple[Document, Element] | None":
    """Parse a packet; return the document and its RDF element, or None if it is damaged."""
    from xml.dom.minidom import parseString
    from xml.parsers.expat import ExpatError

    if b"<!DOCTYPE" in packet:  # not part of XMP; it could define entities
        return None
    try:
        document = parseString(packet.strip(b"\0 \r\n\t"))
    except (ExpatError, ValueError):
        return None
    elements = document.getElementsByTagNameNS(_RDF, "RDF")
    return (document, elements[0]) if elements else None


def _remove_properties(description: "Element", provenance: Provenance) -> None:
    """Remove the properties of a provenance, which are attributes or child elements."""
    for name in provenance.properties:
        if description.hasAttributeNS(_IPTC, name):
            description.removeAttributeNS(_IPTC, name)
        for node in _elements(description):
            if (node.namespaceURI, node.localName) == (_IPTC, name):
                description.removeChild(node)


def _is_empty(description: "Element") -> bool:
    """Return whether a description has no properties."""
    names = [name for name, _ in description.attributes.items() if not name.startswith("xmlns")]
    return not _elements(description) and all(name.endswith(":about") for name in names)


def _elements(parent: "Element") -> list["Element"]:
    return [node for node in parent.childNodes if node.nodeType == node.ELEMENT_NODE]
