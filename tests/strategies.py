"""What several property tests draw."""

from hypothesis import strategies as st


@st.composite
def spreadable(draw, shape):
    """A shape that broadcasts to this one. (Hypothesis has its own, which seldom spreads an axis of length 1.)"""
    missing = draw(st.just(0) | st.integers(0, len(shape)))
    return tuple(draw(st.sampled_from([1, n])) for n in shape[missing:])
