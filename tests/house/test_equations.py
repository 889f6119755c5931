"""Every labelled gradient equation has a cell that proves it."""

import equation_rules as rules
import pytest

GRADIENTS = [
    r"\frac{\partial L}{\partial w}",
    r"\partial^{+} h_t / \partial W",
    r"\frac{\mathrm{d}\xi}{\mathrm{d}w}",
    r"\mathrm{d}\xi = 2",
    r"\mathrm d s_3 / \mathrm d w",
    r"\dfrac{\mathrm{d} s_3}{\mathrm{d} w} = 5",
    r"\frac{d L}{d w}",
    r"\frac{d^2 L}{dw^2}",
    r"\nabla_w L",
    r"\delta_{k-1} = w_{rec}\, \delta_k",
    r"\operatorname{grad} L",
]
OTHERS = [
    r"s_k = w_{rec} s_{k-1} + w_x x_k",
    r"\frac{d}{2}",
    r"\Delta w = -\eta g",
    r"\text{loss and } y",
    r"\sum_{k=1}^T x_k",
]


def forms(tex, label="eq-a"):
    return [
        f"$${tex}$$ ({label})",
        f"$$\n{tex}\n$$ ({label})",
        f"```{{math}}\n:label: {label}\n{tex}\n```",
        f":::{{math}}\n:label: {label}\n\n{tex}\n:::",
        f"\\begin{{align}}\n{tex} \\label{{{label}}}\n\\end{{align}}",
    ]


def test_every_gradient_equation_has_its_check(book, pages):
    missing = rules.unchecked(book, pages)
    assert not missing, f"no cell is tagged checks:<label> for: {missing}"


def test_every_check_checks(notebook_path, load):
    assert rules.empty_checks(load(notebook_path)) == []


def test_every_check_names_an_equation(book, pages):
    assert rules.unknown_labels(book, pages) == []


def test_labels_are_unique(book, pages):
    texts = [rules.prose(notebook) for notebook in book] + list(pages)
    assert rules.repeated_labels(texts) == []


# --- Planted faults --------------------------------------------------------------------------


@pytest.mark.parametrize("tex", GRADIENTS)
def test_a_gradient_without_check_is_seen_in_every_form(notebook, tex):
    for text in forms(tex):
        assert rules.unchecked([notebook(text)]) == ["eq-a"], text
        assert rules.unchecked([notebook(text, ("assert True", ("checks:eq-a",)))]) == []
        assert rules.unchecked([notebook("none")], (text,)) == ["eq-a"], "in a Markdown page"


@pytest.mark.parametrize("tex", OTHERS)
def test_other_equations_need_none(notebook, tex):
    for text in forms(tex):
        assert [e.label for e in rules.labelled_equations(text)] == ["eq-a"]
        assert rules.unchecked([notebook(text)]) == []


def test_each_equation_ends_where_it_ends():
    text = r"$$\partial a$$ and $$b$$ (eq-b), then $$\partial c$$ (eq-c) and $$d$$ $$e$$ (eq-e)"
    found = {e.label: rules.is_gradient(e) for e in rules.labelled_equations(text)}
    assert found == {"eq-b": False, "eq-c": True, "eq-e": False}


def test_two_labels_in_one_align_are_both_seen(notebook):
    text = "\\begin{align}\n\\partial a \\label{eq-a}\\\\\n\\partial b \\label{eq-b}\n\\end{align}"
    assert rules.unchecked([notebook(text)]) == ["eq-a", "eq-b"]


def test_code_is_no_equation():
    code = "~~~python\n$$\\partial a$$ (eq-a)\n~~~\n"
    assert rules.labelled_equations(code) == []
    assert rules.labelled_equations(code.replace("~~~", "```")) == []
    around = "```{note}\nText.\n" + code + "```\n$$b$$ (eq-b)\n```{note}\n$$c$$ (eq-c)\n```\n"
    assert [e.label for e in rules.labelled_equations(around)] == ["eq-b", "eq-c"]


@pytest.mark.parametrize("code", ["print(1)", "x = 1  # assert nothing", ""])
def test_a_check_without_assertion_is_seen(notebook, code):
    assert rules.empty_checks(notebook((code, ("checks:eq-a",))))


@pytest.mark.parametrize("code", ["assert x == 1", "check_gradients(m, x, y)"])
def test_a_check_must_run(notebook, code):
    assert not rules.empty_checks(notebook((code, ("checks:eq-a",))))
    assert rules.empty_checks(notebook((code, ("checks:eq-a", "nbval-skip"))))


def test_a_check_of_no_equation_is_seen(notebook):
    assert rules.unknown_labels([notebook("text", ("assert 1", ("checks:eq-z",)))]) == ["eq-z"]


def test_a_repeated_label_is_seen():
    assert rules.repeated_labels([r"$$a$$ (eq-a)", r"$$b$$ (eq-a) $$c$$ (eq-c)"]) == ["eq-a"]
