"""What the property tests of sealing draw from, and how they damage what is sealed."""

from hypothesis import strategies as st

from complaints.domain.sealing.keys import KeySet

# Lone surrogates never get in: Django decodes what is posted with replacement.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
places = st.floats(0, 1, exclude_max=True)
bits = st.integers(0, 7)

ONE, OTHER = KeySet.new(), KeySet.new()


def flipped(data: bytes, place: float, bit: int) -> bytes:
    """One bit of ``data`` turned over, ``place`` (0 to 1) along its length."""
    index = int(place * len(data))
    return data[:index] + bytes([data[index] ^ 1 << bit]) + data[index + 1 :]
