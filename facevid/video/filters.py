"""Run a decoded frame through FFmpeg filters."""

from collections.abc import Iterable
from fractions import Fraction

from av import VideoFrame
from av.filter import Graph


def filtered(native: VideoFrame, filters: Iterable[tuple[str, str]]) -> VideoFrame:
    """Return a new frame: `native` after a chain of FFmpeg filters.

    `native` is not modified. The result shares its memory where the filters do not touch the samples.

    Args:
        native: a decoded frame.
        filters: name and arguments of each filter, in order; may be empty.
    """
    graph = Graph()
    graph.threads = 1  # by default each graph starts and ends a thread for each core
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
