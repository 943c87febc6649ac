"""Tokens to clauses: who does what where, before anyone has looked at the table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vla.errors import InstructionError
from vla.language.lexer import Token, tokenize, unknown_word, words_of
from vla.language.lexicon import COLOUR_WORDS, OBJECT_WORDS, VERB_WORDS, Kind
from vla.language.selectors import Quantity, Selector, from_words, share_noun
from vla.language.vocabulary import BUTTON, COLOURS, CONTAINERS, DIRECTIONS, SHAPES

SEPARATORS = (Kind.THEN, Kind.AND)
NOUN_PHRASE_STARTS = (
    Kind.COLOUR,
    Kind.CONTAINER_COLOUR,
    Kind.NOUN,
    Kind.DETERMINER,
    Kind.QUANTIFIER,
    Kind.PRONOUN,
    Kind.UNKNOWN,
)


@dataclass(frozen=True)
class Clause:
    """One skill for one or several objects that share a place."""

    skill: str
    objects: tuple[Selector, ...]
    place: Selector | str | None = None
    """A container, the base of a stack, or a direction."""


def parse(instruction: str) -> tuple[Clause, ...]:
    """Read an instruction; nothing of it is skipped silently.

    Raises:
        InstructionError: a word is not known, or the words do not make a command that the arm has a skill for.
    """
    tokens = tokenize(instruction)
    if all(token.kind in SEPARATORS for token in tokens):
        raise InstructionError(f"the instruction is empty. It starts with one of: {', '.join(VERB_WORDS)}")
    return _Parser(tokens).instruction()


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0

    def instruction(self) -> tuple[Clause, ...]:
        clauses: list[Clause] = []
        verb: Token | None = None
        self.skip(*SEPARATORS)
        while self.peek() is not None:
            if self.at(Kind.VERB):
                verb = self.take()
                clauses.append(self.clause(verb, None))
            elif verb is None:
                self.not_a_verb()
            else:
                clauses.append(self.clause(verb, clauses[-1]))
            self.skip(*SEPARATORS)
        return tuple(clauses)

    def clause(self, verb: Token, previous: Clause | None) -> Clause:
        """Read objects and place. With ``previous``, the verb was left out and what is missing is taken from there."""
        self.skip(Kind.PARTICLE)
        objects = self.objects(verb)
        self.skip(Kind.PARTICLE)
        preposition, place = self.place()
        if place is not None and not objects and self.at(*NOUN_PHRASE_STARTS):
            objects = self.objects(verb)
        if previous is not None:
            objects = objects or previous.objects
            if place is None and (isinstance(previous.place, str) or _is_container(previous.place)):
                place = previous.place
        if self.peek() is not None and not self.at(*SEPARATORS):
            self.stuck(f" after {self.tokens[self.position - 1].text!r}")
        if not objects:
            raise InstructionError(f"{verb.text!r} does not say which object. Objects: {', '.join(OBJECT_WORDS)}")
        return _classify(verb, objects, preposition, place)

    def objects(self, verb: Token) -> tuple[Selector, ...]:
        found: list[Selector] = []
        while self.at(*NOUN_PHRASE_STARTS):
            found.append(self.noun_phrase())
            if verb.value == "pick":
                self.skip_on_the_table(at_end=True)
            ahead = self.position
            while ahead < len(self.tokens) and self.tokens[ahead].kind is Kind.AND:
                ahead += 1
            if ahead == self.position or ahead == len(self.tokens):
                break
            if self.tokens[ahead].kind not in NOUN_PHRASE_STARTS:
                break
            self.position = ahead
        return share_noun(found)

    def place(self) -> tuple[str, Selector | str | None]:
        if self.at(Kind.DIRECTION):
            return "to", self.take().value
        if not self.at(Kind.PREPOSITION):
            return "", None
        preposition = self.take()
        if self.at(Kind.DIRECTION):
            return "to", self.take().value
        start = self.position
        self.skip(Kind.DETERMINER)
        if self.at(Kind.TABLE):
            raise InstructionError(f"the table is not a place to put things. Places: {', '.join(CONTAINERS)}")
        self.position = start
        if not self.at(*NOUN_PHRASE_STARTS):
            self.stuck(f" after {preposition.text!r}")
        return preposition.value, self.noun_phrase()

    def noun_phrase(self) -> Selector:
        start = self.position
        if self.at(Kind.PRONOUN):
            pronoun = self.take().value
            return Selector(quantity="them" if pronoun == "them" else "it")
        quantity: Quantity = "the"
        count = None
        everything = False
        while self.at(Kind.DETERMINER, Kind.QUANTIFIER):
            token = self.take()
            if token.kind is Kind.QUANTIFIER:
                everything = everything or token.value in ("everything", "rest", "all")
                word, _, number = token.value.partition(" ")
                if quantity != "rest":
                    quantity = {"everything": "all", "rest": "rest", "all": "all", "a": "a"}[word]  # pyright: ignore
                count = int(number) if number else count
        colour = self.take() if self.at(Kind.COLOUR, Kind.CONTAINER_COLOUR) else None
        noun = self.take() if self.at(Kind.NOUN) else None
        if colour is None and noun is None and (self.at(Kind.UNKNOWN) or not everything):
            self.not_a_noun()
        if colour is not None and noun is None and self.at(Kind.UNKNOWN):
            self.not_a_noun()
        if noun is not None and noun.plural and quantity == "the":
            quantity = "all"
        self.skip_on_the_table(at_end=False)
        excluding: tuple[Selector, ...] = ()
        if self.at(Kind.EXCEPT):
            self.take()
            if not self.at(*NOUN_PHRASE_STARTS):
                self.stuck()
            excluding = (self.noun_phrase(),)
        text = " ".join(token.text for token in self.tokens[start : self.position])
        return replace(from_words(colour, noun, text), quantity=quantity, count=count, excluding=excluding)

    def skip_on_the_table(self, *, at_end: bool) -> None:
        """Skip "on the table" after an object, where what follows shows that it is not the place to put it."""
        start = self.position
        if self.at(Kind.PREPOSITION) and self.tokens[start].value == "on":
            self.position += 1
            self.skip(Kind.DETERMINER)
            if self.at(Kind.TABLE):
                self.position += 1
                token = self.peek()
                if self.at(Kind.PREPOSITION, Kind.DIRECTION, Kind.EXCEPT):
                    return
                if at_end and (token is None or token.kind in SEPARATORS):
                    return
        self.position = start

    def peek(self) -> Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def at(self, *kinds: Kind) -> bool:
        token = self.peek()
        return token is not None and token.kind in kinds

    def take(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def skip(self, *kinds: Kind) -> None:
        while self.at(*kinds):
            self.position += 1

    def not_a_verb(self) -> None:
        token = self.tokens[self.position]
        if token.kind is Kind.UNKNOWN:
            unknown_word("verb", token.text, words_of(Kind.VERB), VERB_WORDS)
        if token.kind is Kind.UNSUPPORTED:
            self.stuck()
        raise InstructionError(f"a command starts with a verb, not {token.text!r}. Valid: {', '.join(VERB_WORDS)}")

    def not_a_noun(self) -> None:
        token = self.peek()
        if token is not None and token.kind is Kind.UNKNOWN:
            after = self.tokens[self.position + 1] if self.position + 1 < len(self.tokens) else None
            if after is not None and after.kind in NOUN_PHRASE_STARTS and after.kind not in (Kind.NOUN, Kind.UNKNOWN):
                self.stuck()
            if after is not None and after.kind is Kind.NOUN:
                unknown_word("colour", token.text, COLOUR_WORDS, COLOURS)
            known = (*words_of(Kind.NOUN, Kind.COLOUR), *DIRECTIONS)
            unknown_word("object", token.text, known, (*OBJECT_WORDS, *COLOURS))
        self.stuck()

    def stuck(self, where: str = "") -> None:
        """Raise the error for a token that does not fit here."""
        token = self.peek()
        if token is None:
            raise InstructionError(f"the instruction ends too early{where}. Objects: {', '.join(OBJECT_WORDS)}")
        if token.kind is Kind.UNSUPPORTED:
            reason = {
                "relation": f"Places are: in the bowl, in the box, on the plate, on an object, "
                f"to the {', '.join(DIRECTIONS)}",
                "negation": "Say what to do, not what not to do",
                "condition": "Commands are carried out once each, in the order they are given",
            }[token.value]
            raise InstructionError(f"{token.text!r} is not understood. {reason}")
        if token.kind is Kind.UNKNOWN:
            known = (*words_of(Kind.VERB, Kind.NOUN, Kind.COLOUR, Kind.PREPOSITION), *DIRECTIONS)
            unknown_word("word", token.text, known, (*VERB_WORDS, *COLOURS, *OBJECT_WORDS, *DIRECTIONS))
        raise InstructionError(f"{token.text!r} does not fit{where or ' there'} in the instruction")


def _is_container(place: Selector | str | None) -> bool:
    return isinstance(place, Selector) and place.kind in CONTAINERS


def _classify(verb: Token, objects: tuple[Selector, ...], preposition: str, place: Selector | str | None) -> Clause:
    """Decide the skill from the verb, what it acts on, and where to."""
    if any(selector.kind == BUTTON for selector in objects):
        if verb.value not in ("press", "push") or place is not None or len(objects) > 1:
            raise InstructionError(f"the button can only be pressed, not {verb.text!r}: say 'press the button'")
        return Clause("press", objects)
    listed = " and ".join(f"the {selector}" if selector.quantity == "the" else str(selector) for selector in objects)
    if verb.value == "press":
        if all(selector.quantity == "it" for selector in objects) and place is None:
            return Clause("press", objects)
        raise InstructionError(f"only the button can be pressed, not {listed}")
    for selector in objects:
        if selector.kind in CONTAINERS:
            raise InstructionError(f"the {selector.kind} cannot be moved. Movable: {', '.join(SHAPES)}")
    if isinstance(place, str):
        if verb.value in ("push", "place"):
            return Clause("push", objects, place)
        raise InstructionError(f"{verb.text!r} takes no direction ({place}); 'push' does")
    if place is None:
        if verb.value == "pick":
            return Clause("pick", objects)
        if verb.value == "push":
            raise InstructionError(f"where should {listed} be pushed? Directions: {', '.join(DIRECTIONS)}")
        raise InstructionError(
            f"where should {listed} be put? Places: {', '.join(CONTAINERS)}, or on top of another object"
        )
    if place.quantity in ("it", "them"):
        raise InstructionError(f"name the place instead of saying {place}. Places: {', '.join(CONTAINERS)}")
    if place.kind == BUTTON:
        raise InstructionError(f"nothing can be put on the button. Places: {', '.join(CONTAINERS)}")
    if verb.value == "push":
        raise InstructionError(f"{verb.text!r} takes a direction, not a place. Directions: {', '.join(DIRECTIONS)}")
    if place.kind in CONTAINERS:
        return Clause("place", objects, place)
    if preposition != "on":
        raise InstructionError(
            f"nothing can be put {preposition} the {place}: things go on it, or in a container. "
            f"Containers: {', '.join(CONTAINERS)}"
        )
    return Clause("stack", objects, place)
