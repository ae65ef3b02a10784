"""What a receiver saw of mqtt-load's numbered messages, and what the publisher was promised (its --ack-log)."""


class Sequences:
    """Per (run, publisher): which sequences came, how many came again, how many came late (after a higher one, first time)."""

    def __init__(self):
        self.next = {}
        self.holes = {}
        self.received = self.repeated = self.late = 0

    def take(self, key, sequence: int):
        self.received += 1
        expected = self.next.get(key, 0)
        if sequence == expected:
            self.next[key] = expected + 1
        elif sequence > expected:
            self.holes.setdefault(key, set()).update(range(expected, sequence))
            self.next[key] = sequence + 1
        elif sequence in self.holes.get(key, ()):
            self.holes[key].discard(sequence)
            self.late += 1
        else:
            self.repeated += 1

    def has(self, key, sequence: int) -> bool:
        return sequence < self.next.get(key, 0) and sequence not in self.holes.get(key, ())

    def missing(self, acknowledged: dict) -> list:
        """(publisher, sequence) that were acknowledged and never came."""
        keys = {key[1]: key for key in self.next}
        out = []
        for publisher, ranges in acknowledged.items():
            key = keys.get(publisher, (0, publisher))
            end, holes = self.next.get(key, 0), self.holes.get(key, set())
            for first, last in ranges:
                out.extend((publisher, n) for n in range(max(first, end), last + 1))
            out.extend((publisher, n) for n in holes if any(first <= n <= last for first, last in ranges))
        return sorted(out)


def read_ack_log(path: str) -> dict:
    """Publisher to its acknowledged ranges; neighbouring ranges are joined. A last line being written is left out."""
    out = {}
    with open(path, encoding="ascii") as log:
        for line in log.read().rpartition("\n")[0].splitlines():
            publisher, first, last = (int(part) for part in line.split())
            ranges = out.setdefault(publisher, [])
            if ranges and ranges[-1][1] + 1 == first:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
    return out


def count(acknowledged: dict) -> int:
    return sum(last - first + 1 for ranges in acknowledged.values() for first, last in ranges)
