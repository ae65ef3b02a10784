"""Medians of runs, floors and goals, and the table that shows them."""
import statistics

from bench_scenarios import pick


def median_of(runs, path):
    values = [value for value in (pick(run, path) for run in runs) if value is not None]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)} if values else None


def show(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def summarise(results, figures_of):
    """Rows of (scenario, figure, floor, direction, {kind: median, min, max}); `figures_of` names those of a scenario."""
    rows = []
    for name, by_kind in results.items():
        for label, path, floor, direction in figures_of(name):
            values = {kind: median_of(runs, path) for kind, runs in by_kind.items()}
            rows.append({"scenario": name, "figure": label, "floor": floor, "direction": direction, "values": values})
    return rows


def met(row):
    """True, False, or None where there is no floor or no figure of ours."""
    own = row["values"].get("service")
    if own is None or row["floor"] is None:
        return None
    return own["median"] >= row["floor"] if row["direction"] == "min" else own["median"] <= row["floor"]


def print_table(rows, peer, word="floor"):
    heads = ["scenario", "figure", word, "service", "(min - max)", "met"] + ([peer, "(min - max)"] if peer else [])
    lines = [heads]
    for row in rows:
        cells = [row["scenario"], row["figure"],
                 "-" if row["floor"] is None else (">= " if row["direction"] == "min" else "<= ") + show(row["floor"])]
        for kind in ["service"] + ([peer] if peer else []):
            value = row["values"].get(kind)
            cells += [show(value["median"]), f"{show(value['min'])} - {show(value['max'])}"] if value else ["-", "-"]
            if kind == "service":
                cells.append({True: "yes", False: "NO", None: ""}[met(row)])
        lines.append(cells)
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
