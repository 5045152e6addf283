"""Text of several languages and of code, each with its tokens by a tokenizer of the models' maker.

The tokenizer is ``tokenizer.json`` in the ``anthropic`` SDK 0.38.0, the last that was published;
newer models have others. The languages are article 1 of the Universal Declaration of Human Rights,
in the translations of the United Nations.
"""

from typing import NamedTuple


class Sample(NamedTuple):
    text: str
    tokens: int


SAMPLES = {
    "English": Sample(
        "All human beings are born free and equal in "
        "dignity and rights. They are endowed with reason "
        "and conscience and should act towards one another "
        "in a spirit of brotherhood.",
        33,
    ),
    "German": Sample(
        "Alle Menschen sind frei und gleich an Würde "
        "und Rechten geboren. Sie sind mit Vernunft und "
        "Gewissen begabt und sollen einander im Geist "
        "der Brüderlichkeit begegnen.",
        50,
    ),
    "French": Sample(
        "Tous les êtres humains naissent libres et égaux "
        "en dignité et en droits. Ils sont doués de raison "
        "et de conscience et doivent agir les uns envers "
        "les autres dans un esprit de fraternité.",
        54,
    ),
    "Russian": Sample(
        "Все люди рождаются свободными и равными в своем "
        "достоинстве и правах. Они наделены разумом и "
        "совестью и должны поступать в отношении друг "
        "друга в духе братства.",
        89,
    ),
    "Greek": Sample(
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
        85,
    ),
    "Arabic": Sample(
        "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق. "
        "وقد وهبوا عقلاً وضميراً وعليهم أن يعامل بعضهم "
        "بعضاً بروح الإخاء.",
        109,
    ),
    "Hindi": Sample(
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
        93,
    ),
    "Thai": Sample(
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
        117,
    ),
    "Chinese": Sample(
        "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
        49,
    ),
    "Japanese": Sample(
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
        43,
    ),
    "Korean": Sample(
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
        44,
    ),
    "Python": Sample(
        "def gcd(a: int, b: int) -> int:\n"
        '    """The greatest common divisor."""\n'
        "    while b:\n"
        "        a, b = b, a % b\n"
        "    return abs(a)\n"
        "\n"
        "\n"
        "class Account:\n"
        "    def __init__(self, owner: str, balance: float = 0.0) -> None:\n"
        "        self.owner = owner\n"
        "        self.balance = balance\n",
        81,
    ),
    "C, indented": Sample(
        "static int find(const struct list *list, const char *name)\n"
        "{\n"
        "        for (size_t i = 0; i < list->count; i++) {\n"
        "                if (strcmp(list->entries[i].name, name) == 0) {\n"
        "                        return (int) i;\n"
        "                }\n"
        "        }\n"
        "        return -1;\n"
        "}\n",
        75,
    ),
    "HTML, indented": Sample(
        "<table>\n"
        "                <tbody>\n"
        "                                <tr>\n"
        '                                                <td class="name">a</td>\n'
        '                                                <td class="value">1</td>\n'
        "                                </tr>\n"
        "                </tbody>\n"
        "</table>\n",
        46,
    ),
    "JSON": Sample(
        '{"id": "a1b2", "items": [{"name": "first", "price": 12.5, "tags": ["x", "y"]}, '
        '{"name": "second", "price": 7.25, "tags": []}], "total": 19.75}\n',
        60,
    ),
    "Markdown table": Sample(
        "| name             | value            |\n"
        "|------------------|------------------|\n"
        "| first            | 12.5             |\n"
        "| second           | 7.25             |\n",
        34,
    ),
}
