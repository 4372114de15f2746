"""Nothing becomes markup that was not made as markup."""

from gateway.reference.html import Html, join, prose, table, tag, void

EVIL = "\"><script>alert('1')</script>&amp;"


def test_text_and_attributes_are_escaped() -> None:
    shown = tag("a", EVIL, href=EVIL)
    assert shown == (
        '<a href="&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;amp;">'
        "\"&gt;&lt;script&gt;alert('1')&lt;/script&gt;&amp;amp;</a>"
    )
    assert void("meta", content='"') == '<meta content="&quot;">'


def test_code_in_prose_and_cells_of_tables_are_escaped() -> None:
    assert prose("a `<b>` <c>") == "a <code>&lt;b&gt;</code> &lt;c&gt;"
    assert "<td>&lt;i&gt;</td>" in table(("<",), [("<i>",)])
    assert '<th scope="col">&lt;</th>' in table(("<",), [])


def test_markup_is_escaped_once_and_only_once() -> None:
    inner = tag("b", "&")
    assert isinstance(inner, Html)
    assert tag("p", inner, None, "&") == "<p><b>&amp;</b>&amp;</p>"
    assert join(inner) == inner


def test_python_spellings_become_html_names() -> None:
    assert tag("p", class_="x", aria_label="y") == '<p class="x" aria-label="y"></p>'
