"""The English words that the corpus's own text index leaves out, as found by asking it.

Whatever answers in its place has to leave them out too: "how", "do" and "what" of a question
would count like any other word.
"""

_ENGLISH = """
a about after again against all am an and are as at be been being below between both but by can
did do doing down each few for from further had has have having he her here hers herself him
himself his how i if in into is it its itself just me more most mostly my myself now of off on
or other others our ours out over own re same she should so some such than that the their theirs
them then there these they this those through to too under until up was we were what when where
which while who whom will with you your yours yourself
"""
ENGLISH = frozenset(_ENGLISH.split())
