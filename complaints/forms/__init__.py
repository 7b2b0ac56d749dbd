"""Forms of the reporter's door: they parse and shape what was typed, say how to mend it, and save nothing.

Views alone use them. A form never refuses what a reporter may not know, and never cuts what was typed: limits
are checked and shown with the text kept, so no field carries a ``maxlength`` that would swallow a pasted end.
"""
