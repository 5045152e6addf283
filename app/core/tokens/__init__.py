"""Token counts: an estimate, and the upstream's own figures, which take precedence.

The one estimator of the gateway, for what a request is told to have before it is sent, for
limits and for answers of which the upstream gives no figures:

- :mod:`.weights`: what a character weighs, for each family of tokenizers;
- :mod:`.text`: the tokens of a text;
- :mod:`.images` and :mod:`.documents`: those of what has no text;
- :mod:`.prompt`: those of a whole conversation;
- :mod:`.told`: what the upstream told of earlier turns, which corrects the estimate of the next;
- :mod:`.counts`: which figure wins at the end of an answer.
"""

from .counts import InputSource as InputSource
from .counts import TokenCounts as TokenCounts
from .prompt import estimate_conversation as estimate_conversation
