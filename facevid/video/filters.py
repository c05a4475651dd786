"""Passing one decoded picture through FFmpeg's filters."""

from collections.abc import Iterable
from fractions import Fraction

from av import VideoFrame
from av.filter import Graph


def filtered(native: VideoFrame, filters: Iterable[tuple[str, str]]) -> VideoFrame:
    """Return a new picture: `native` through `filters`, each a name and its arguments; without any, the same samples.

    The given picture is unchanged, and shares its memory with the result where the filters leave the samples alone.
    """
    graph = Graph()
    last = graph.add_buffer(
        width=native.width, height=native.height, format=native.format, time_base=native.time_base or Fraction(1)
    )
    for name, arguments in filters:
        following = graph.add(name, arguments or None)
        last.link_to(following)
        last = following
    last.link_to(graph.add("buffersink"))
    graph.configure()
    graph.vpush(native)
    return graph.vpull()
