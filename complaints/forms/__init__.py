"""Forms of the reporter's pages: they validate input and explain errors, and save nothing.

A form never requires what a reporter may not know, and never truncates input: a text above its limit is returned with
an error, so no field has a ``maxlength``, which would cut off the end of a pasted text.
"""
