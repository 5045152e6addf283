"""Finds the first of many strings in a text that arrives in pieces.

The automaton of Aho and Corasick ("Efficient string matching", CACM 1975): a tree of all the
strings, in which each node has a link to the node of its longest proper suffix that is in the tree.
Building it takes a time linear in the length of the strings, and reading a text a time linear in
the length of the text, whatever the strings.
"""

import re
from collections.abc import Sequence

ROOT = 0
_SHIFT = 21
"""Bits of a code point; a node and a code point make one key."""


class Automaton:
    """For ``strings``, none of which is empty. A state says which suffix of the text read so far
    may be the beginning of a string: the longest one. :data:`ROOT` is the state of the empty text.
    """

    __slots__ = ("_edges", "_find_first", "_links", "_matched", "_of", "_strings", "depth")

    def __init__(self, strings: Sequence[str]) -> None:
        self._strings = strings
        self._edges: dict[int, int] = {}  # (node, character) to node
        self.depth = [0]
        """For each state the length of its suffix."""
        self._of = [0]  # for each node a string that begins with its characters
        self._matched = [0]  # for each node the length of the longest string that ends there
        firsts = "".join(sorted({string[0] for string in strings}))
        self._find_first = re.compile(f"[{re.escape(firsts)}]").search
        parents = [ROOT]  # of each node, and the character on the way
        characters = [0]
        for index, string in enumerate(strings):
            self._add(index, string, parents, characters)
        self._links = [ROOT] * len(parents)
        for node in sorted(range(1, len(parents)), key=self.depth.__getitem__):
            self._link(node, parents[node], characters[node])

    def _add(self, index: int, string: str, parents: list[int], characters: list[int]) -> None:
        edges, node = self._edges, ROOT
        for character in map(ord, string):
            key = node << _SHIFT | character
            following = edges.get(key)
            if following is None:
                following = edges[key] = len(parents)
                parents.append(node)
                characters.append(character)
                self.depth.append(self.depth[node] + 1)
                self._of.append(index)
                self._matched.append(0)
            node = following
        self._matched[node] = len(string)

    def _link(self, node: int, parent: int, character: int) -> None:
        """All nodes of a smaller depth have their links."""
        if parent == ROOT:
            return
        suffix = self._links[parent]
        while (found := self._edges.get(suffix << _SHIFT | character)) is None and suffix != ROOT:
            suffix = self._links[suffix]
        if found is not None:
            self._links[node] = found
            self._matched[node] = self._matched[node] or self._matched[found]

    def read(self, state: int, text: str) -> tuple[int, int, int]:
        """Read the next piece of a text.

        Returns the new state, and where in ``text`` the first match ends and how long it is (it may
        have begun in earlier pieces); both are 0 without a match. Of the strings that end there it
        is the longest. Nothing behind a match is read.
        """
        edges, links, matched = self._edges, self._links, self._matched
        at, end = 0, len(text)
        while at < end:
            if state == ROOT:
                first = self._find_first(text, at)
                if first is None:
                    break
                at = first.start()
            key = ord(text[at])
            at += 1
            while (following := edges.get(state << _SHIFT | key)) is None and state != ROOT:
                state = links[state]
            if following is None:
                continue
            state = following
            if matched[state]:
                return state, at, matched[state]
        return state, 0, 0

    def suffix(self, state: int) -> str:
        """The suffix of the text that this state stands for."""
        return self._strings[self._of[state]][: self.depth[state]]

    def begin(self, state: int, size: int) -> str:
        """At most the first ``size`` characters of that suffix."""
        return self._strings[self._of[state]][: min(size, self.depth[state])]
