"""What the rule scripts share: the project's own C++ files, and their text without comments and strings."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
AREAS = ("common", "broker", "messaging", "mapper", "tests")

_NOISE = re.compile(
    r'R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"'  # raw strings
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'"       # not the separators of 1'000
    r"|//[^\n]*|/\*.*?\*/",
    re.DOTALL)


def sources(root=ROOT):
    """Tracked and new .hpp and .cpp files below the areas, as paths relative to the root."""
    patterns = [f"{area}/**.{ending}" for area in AREAS for ending in ("hpp", "cpp")]
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.splitlines()
    else:  # an unpacked release has no repository
        names = [str(path.relative_to(root)) for area in AREAS for path in (root / area).rglob("*") if path.suffix in (".hpp", ".cpp")]
    return sorted({name for name in names if (root / name).is_file()})


def without_noise(text):
    """Comments become blanks and strings become "", line for line."""
    def blank(match):
        found = match.group(0)
        kept = "\n" * found.count("\n")
        return kept if found.startswith("/") else '""' + kept
    return _NOISE.sub(blank, text)
