#!/usr/bin/python3
"""Forms of co_await that g++ 12.2 turns into a double free, or that the house rule forbids because of it: in a full
expression with co_await there is no second co_await, no braced temporary, no lambda, no `?:`. Crude on purpose: it reads
statements, not C++. A line that is right all the same says so with `// co_await is safe here: <reason>`.

    tests/tidy/coroutine_hazards.py [ROOT]      prints file:line: complaint; exit code 1 when there is one
"""
import pathlib
import re
import sys

import source_tree

EXCUSE = "co_await is safe here:"
OPENING, CLOSING = "([{", ")]}"


def statement_around(text, at):
    """(begin, end) of the full expression round `at`: from the last ; or block brace to the ; or block brace after it."""
    begin, depth = at, 0
    while begin > 0:
        c = text[begin - 1]
        if depth == 0 and c == ";":
            break
        if c in CLOSING:
            if c == "}" and depth == 0 and not re.match(r"\s*[,)]", text[begin:]):
                break  # the end of the block before
            depth += 1
        elif c in OPENING:
            if depth == 0:
                if c == "{" and not re.search(r"[\w>]\s*$|[(,=]\s*$", text[:begin - 1][-80:]):
                    break
                if c == "{" and re.search(r"(?:\b(?:else|do|try|const|noexcept|mutable)|[)>])\s*$", text[:begin - 1][-80:]):
                    break
            else:
                depth -= 1
        begin -= 1
    end, depth = at, 0
    while end < len(text):
        c = text[end]
        if c in OPENING:
            if c == "{" and depth <= 0 and re.search(r"\)\s*$", text[at:end]):
                break  # the block of an if, a while or a for
            depth += 1
        elif c in CLOSING:
            depth -= 1
            if c == "}" and depth < 0 and ";" not in text[end:end + 2]:
                break
        elif c == ";" and depth <= 0:
            break
        end += 1
    return begin, end


def complaint_about(statement):
    if len(re.findall(r"\bco_await\b", statement)) > 1:
        return "two co_await in one full expression"
    before, after = statement.split("co_await", 1)
    if re.search(r"(?:^|[(,=\s])\[[^\]]*\]\s*(?:\([^)]*\))?\s*(?:mutable\s*)?(?:->\s*[\w:<>]+\s*)?\{", after):
        return "a lambda in a full expression with co_await: name it on the line above"
    if re.search(r"[\w>]\s*\{|[(,]\s*\{", after):
        return "a braced temporary in a full expression with co_await: name it on the line above"
    if re.search(r"[\w>]\s*\{[^{}]*$", before):
        return "co_await inside braces: await first, into a named variable"
    if re.search(r"\?(?!\?)", statement) and ":" in statement.split("?", 1)[1].replace("::", ""):
        return "co_await in ?: ; write if and else"
    return None


def complaints_of(source):
    text = source_tree.without_noise(source)
    lines = source.splitlines()

    def excused(number):
        return any(EXCUSE in lines[i] for i in (number - 1, number - 2) if 0 <= i < len(lines))

    seen = set()
    for match in re.finditer(r"\bco_await\b", text):
        begin, end = statement_around(text, match.start())
        number = text.count("\n", 0, match.start()) + 1
        complaint = complaint_about(text[begin:end])
        if complaint and begin not in seen and not excused(number):
            seen.add(begin)
            yield number, complaint


def main():
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else source_tree.ROOT
    files = source_tree.sources(root)
    count = 0
    for path in files:
        for number, complaint in complaints_of((root / path).read_text(encoding="utf-8")):
            print(f"{path}:{number}: {complaint}")
            count += 1
    print(f"co_await rules: {len(files)} files, {count} complaints")
    return 1 if count or not files else 0


if __name__ == "__main__":
    sys.exit(main())
