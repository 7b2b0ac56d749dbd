"""Sample staff and sample reports, made through the same services as real ones; refused outside of sample mode."""

from complaints.services.samples.people import PEOPLE, Founded, Person, SamplesRefused, found
from complaints.services.samples.play import load

__all__ = ["PEOPLE", "Founded", "Person", "SamplesRefused", "found", "load"]
