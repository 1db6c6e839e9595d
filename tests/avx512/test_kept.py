#!/usr/bin/env python3
"""What a function that is compiled for AVX-512 keeps across a switch, by its instructions: the processor need not have it.

    test_kept.py OBJDUMP PROGRAM FUNCTION...

The switch is inlined, or it is a call. After an inlined one, a register of AVX-512 is written before it is read; a call keeps
none of them, and compilers know that.
"""

import re
import subprocess
import sys

OWN = re.compile(r"%(?:[xyz]mm(?:1[6-9]|2\d|3[01])|k[0-7])\b")


def instructions(objdump, program, function):
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", "--disassemble=" + function, program],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line.split("\t", 1)[1].strip() for line in text.splitlines() if re.match(r"\s+[0-9a-f]+:\t", line)]


def operands(instruction):
    """What it reads, and what it writes: the last one. A mask in braces is read."""
    rest = instruction.split(None, 1)[1] if " " in instruction else ""
    rest = rest.split("#")[0].strip()
    comma = rest.rfind(",", 0, len(rest))
    sources, destination = (rest[:comma], rest[comma + 1:]) if comma >= 0 else ("", rest)
    read = {number(r) for r in OWN.findall(sources)}
    written = destination.split("{")[0]
    read |= {number(r) for r in OWN.findall(destination[len(written):])}
    return read, {number(r) for r in OWN.findall(written)}


def number(register):
    return register[1:].replace("xmm", "zmm").replace("ymm", "zmm")


def kept_across_inlined_switch(code):
    """Registers that the straight way on from an inlined switch reads before it writes them."""
    kept = set()
    for at, instruction in enumerate(code):
        if not re.match(r"jmpq?\s+\*%", instruction):
            continue
        written = set()
        for after in code[at + 1:]:
            if re.match(r"(ret|jmp|call)", after):
                break
            read, writes = operands(after)
            kept |= read - written
            written |= writes
    return kept


def main():
    objdump, program, *functions = sys.argv[1:]
    for function in functions:
        code = instructions(objdump, program, function)
        inlined = sum(1 for i in code if re.match(r"jmpq?\s+\*%", i))
        called = sum(1 for i in code if "switch_out_of_line" in i)
        assert any(OWN.search(i) for i in code), "%s does not use AVX-512:\n%s" % (function, "\n".join(code))
        assert inlined + called > 0, "%s does not switch:\n%s" % (function, "\n".join(code))
        kept = kept_across_inlined_switch(code)
        assert not kept, "%s keeps %s across a switch:\n%s" % (function, sorted(kept), "\n".join(code))
        print("%s: %d switches inlined, %d called" % (function, inlined, called))


if __name__ == "__main__":
    main()
