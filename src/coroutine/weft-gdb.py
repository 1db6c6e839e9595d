# weft's coroutines in gdb: on a live process and on a core, without a call into the program.
#
#     weft list              each coroutine: id, name, state, stack, what it waits for, since when, and who holds that;
#                            deadlocks are named
#     weft waits             those that wait, for what and for whom; deadlocks
#     weft bt ID [OPTION]    the frames of one; OPTION is bt's own: full, -frame-arguments all
#     weft bt all [OPTION]   of every one
#     weft core FILE         generate-core-file, with the stacks, which gdb alone leaves out
#
# Every program that weft is linked into carries this text (section .debug_gdb_scripts); gdb reads it if the file lies in
# its auto-load safe-path. It can be `source`d as well. docs/debugging.md tells more.
#
# It needs no debug information of weft: the symbol weft_slabs leads to all stacks, and the table weft_layout (see
# src/coroutine/layout.hpp) says where things lie.

import os
import re
import struct
import time

import gdb
import gdb.unwinder

LAYOUT_VERSION = 3
LAYOUT_FIELDS = """
    version size alive_mark
    slab_base slab_slot_size slab_slots slab_carved slab_next
    guard_size colours colour_step
    block_size block_saved block_parked_stack_pointer block_entered_at block_suspended_at block_status block_mark block_since
    block_waits_for block_waits_on block_body block_id block_created_at block_name name_size
    state_suspended state_running state_waiting state_queued state_done
    call_site_line_shift
    saved_form block_frame_pointer block_resume_address block_base_pointer
    block_holder
    slot_gap
""".split()
SAVED_IN_FRAME = 1
SAVED_AS_JUMP_BUFFER = 2

# The names of: stack pointer, program counter, frame pointer, and clang's base pointer.
REGISTERS = {
    "i386:x86-64": ("rsp", "rip", "rbp", "rbx"),
    "aarch64": ("sp", "pc", "x29", "x19"),
    "i386": ("esp", "eip", "ebp", "esi"),
}
ENTRY = "weft_context_entry"


class Memory:
    """Reads the program's memory."""

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        self.order = "big" if "big endian" in gdb.execute("show endian", to_string=True) else "little"
        self.word_size = gdb.lookup_type("void").pointer().sizeof

    def bytes(self, address, size):
        return bytes(self.inferior.read_memory(address, size))

    def number(self, data, offset, size=None):
        size = size or self.word_size
        return int.from_bytes(data[offset:offset + size], self.order)

    def word(self, address):
        return self.number(self.bytes(address, self.word_size), 0)

    def word_or_zero(self, address):
        try:
            return self.word(address) if address else 0
        except gdb.MemoryError:
            return 0

    def text(self, address):
        if address == 0:
            return ""
        try:
            found = b""
            while b"\0" not in found and len(found) < 4096:
                # Up to the end of a piece, so that no page is touched that the text does not reach.
                found += self.bytes(address + len(found), 64 - (address + len(found)) % 64)
            return found.split(b"\0")[0].decode(errors="replace")
        except gdb.MemoryError:
            return "?"


class Layout:
    """The table weft_layout, its fields as attributes."""

    def __init__(self, memory):
        size = 16 + 4 * (len(LAYOUT_FIELDS) - 3)
        data = memory.bytes(address_of("weft_layout"), size)
        order = "<" if memory.order == "little" else ">"
        values = struct.unpack(order + "IIQ" + "I" * (len(LAYOUT_FIELDS) - 3), data)
        self.__dict__.update(zip(LAYOUT_FIELDS, values))
        if self.version != LAYOUT_VERSION or self.size < size:
            raise gdb.GdbError("weft: this script reads layout version %d, the program has version %d: use its own"
                               % (LAYOUT_VERSION, self.version))


def address_of(symbol):
    try:
        return int(gdb.parse_and_eval("(unsigned long)&" + symbol))
    except gdb.error:
        raise gdb.GdbError("weft: the program has no symbol %s: it does not use weft, has no symbols (strip), or "
                           "was not started yet" % symbol)


class Coroutine:
    """What one control block says."""

    def __init__(self, memory, layout, block, data, low, top):
        def word(field):
            return memory.number(data, getattr(layout, field))

        def place(field):
            packed = memory.number(data, getattr(layout, field), 8)
            line = packed >> layout.call_site_line_shift
            file = memory.text(packed & ((1 << layout.call_site_line_shift) - 1))
            return "%s:%d" % (file, line) if line else file

        self.block, self.low, self.top = block, low, top
        self.id = memory.number(data, layout.block_id, 8)
        self.name = data[layout.block_name:layout.block_name + layout.name_size].split(b"\0")[0].decode(errors="replace")
        self.left = word("block_saved") or word("block_parked_stack_pointer")
        self.created_at = place("block_created_at")
        self.suspended_at = place("block_suspended_at")
        self.entered_at = place("block_entered_at")
        status = data[layout.block_status]
        # Entering writes no status: a coroutine that has left nowhere runs, or has entered another.
        if status == layout.state_suspended and self.left == 0:
            status = layout.state_running
        names = {getattr(layout, "state_" + name): name for name in
                 ("suspended", "running", "waiting", "queued", "done")}
        self.state = names.get(status, "state %d" % status)
        self.waits_for, self.waits_on, self.since, self.holder = "", 0, 0, 0
        self.held_by = None  # the coroutine that holds what it waits for
        if self.state == "waiting":
            self.waits_for = memory.text(word("block_waits_for")) or "a wake-up"
            self.waits_on = word("block_waits_on")
            self.since = memory.number(data, layout.block_since, 8)
            self.holder = memory.word_or_zero(word("block_holder"))
        self.registers = {}
        self.started = True
        self.thread = None
        self.stack_pointer = None
        if self.left != 0:
            self.read_registers(memory, layout, word)

    def read_registers(self, memory, layout, word):
        names = REGISTERS.get(architecture())
        if names is None:
            return
        stack, counter, frame, base = names
        if layout.saved_form == SAVED_IN_FRAME:
            self.registers = {
                stack: self.left,
                counter: word("block_resume_address"),
                frame: word("block_frame_pointer"),
            }
            self.started = self.registers[counter] != address_of(ENTRY)
            if self.started:
                self.registers[base] = word("block_base_pointer")
        elif layout.saved_form == SAVED_AS_JUMP_BUFFER:
            self.registers, self.started = read_jump_buffer(memory, self.left)
        self.stack_pointer = self.registers.get(stack)

    @property
    def used(self):
        if not self.started:
            return self.top - self.left
        return None if self.stack_pointer is None else self.top - self.stack_pointer

    @property
    def title(self):
        return "coroutine %d%s" % (self.id, ' "%s"' % self.name if self.name else "")


def architecture():
    try:
        return gdb.selected_frame().architecture().name()
    except gdb.error:
        return gdb.selected_inferior().architecture().name()


def read_jump_buffer(memory, left):
    """The registers in what glibc's _setjmp() wrote on x86-64, and whether the context has run at all."""
    if architecture() != "i386:x86-64":
        return {}, True
    rbx, rbp, r12, r13, r14, r15, rsp, rip = struct.unpack("<8Q", memory.bytes(left, 64))
    started = memory.word(left + 208) == 0  # saved::fresh, after a jmp_buf of 200 bytes and a word
    guard = memory.word(int(gdb.parse_and_eval("(unsigned long)$fs_base")) + 0x30)

    def clear(mangled):  # sysdeps/unix/sysv/linux/x86_64/pointer_guard.h: xor with the guard, then rotated left by 17
        rotated = (mangled >> 17 | mangled << 47) & (1 << 64) - 1
        return rotated ^ guard

    return {"rbx": rbx, "rbp": clear(rbp), "r12": r12, "r13": r13, "r14": r14, "r15": r15, "rsp": clear(rsp),
            "rip": clear(rip)}, started


def slabs(memory, layout):
    """(the addresses of its slots that were carved, their size) of each."""
    slab = memory.word(address_of("weft_slabs"))
    while slab != 0:
        base, slot_size, carved = (memory.word(slab + offset) for offset in
                                   (layout.slab_base, layout.slab_slot_size, layout.slab_carved))
        distance = slot_size + layout.slot_gap
        yield range(base, base + carved * distance, distance), slot_size
        slab = memory.word(slab + layout.slab_next)


def coroutines():
    """All that there are, by id: looks at the top of every slot of every slab."""
    memory = Memory()
    layout = Layout(memory)
    found, missing = [], 0
    for slots, slot_size in slabs(memory, layout):
        for slot in slots:
            number = slot // (slot_size + layout.slot_gap)
            top = slot + slot_size - number % layout.colours * layout.colour_step
            block = top - layout.block_size
            try:
                data = memory.bytes(block, layout.block_size)
            except gdb.MemoryError:
                missing += 1
                continue
            if not any(data):  # one that was carved has had a block, and that leaves traces
                missing += 1
            if memory.number(data, layout.block_mark, 8) == layout.alive_mark:
                found.append(Coroutine(memory, layout, block, data, slot + layout.guard_size, top))
    if missing and is_core():
        print("weft: %d stacks are not in this core. gdb's generate-core-file stops at guards: use weft core FILE"
              % missing)
    find_threads([co for co in found if co.state == "running"])
    blocks = {co.block: co for co in found}
    for co in found:
        co.held_by = blocks.get(co.holder)
        co.joins = blocks.get(co.waits_on)
    return sorted(found, key=lambda co: co.id)


def is_core():
    connection = getattr(gdb.selected_inferior(), "connection", None)
    return connection is not None and connection.type == "core"


class Selection:
    """Puts the selected thread and frame back."""

    def __enter__(self):
        self.thread = gdb.selected_thread()
        self.level = gdb.selected_frame().level() if self.thread is not None else 0

    def __exit__(self, *_):
        if self.thread is not None:
            self.thread.switch()
            gdb.execute("frame %d" % self.level, to_string=True)


def find_threads(running):
    """Sets thread and stack_pointer of coroutines that run, or have entered another that does."""
    if not running:
        return
    with Selection():
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            try:
                frame = gdb.newest_frame()
                while frame is not None:
                    pointer = int(frame.read_register("sp"))
                    for co in running:
                        if co.thread is None and co.low <= pointer <= co.top:
                            co.thread, co.stack_pointer = thread, pointer
                    frame = frame.older()
            except gdb.error:  # a broken stack: what was found so far stands
                pass


def bytes_text(count):
    return "?" if count is None else "%d" % count if count < 1024 else "%.1fK" % (count / 1024)


class Clock:
    """How long ago something was. A core does not know when it was made: there, counted to the latest wait in it."""

    def __init__(self, all_coroutines):
        self.now = max((co.since for co in all_coroutines), default=0)
        self.exact = False
        connection = getattr(gdb.selected_inferior(), "connection", None)
        if connection is not None and connection.type == "native" and time.monotonic_ns() >= self.now:
            self.now, self.exact = time.monotonic_ns(), True

    def text(self, since):
        if since == 0:
            return ""  # no loop, no clock
        return " for %s%.3f s" % ("" if self.exact else "at least ", (self.now - since) / 1e9)


def cycles(everyone):
    """Lists of coroutines of which each waits for what the next one holds, or for its end, and the last for the first."""
    seen = set()
    for start in everyone:
        walk, co = [], start
        while co is not None and co not in seen:
            seen.add(co)
            walk.append(co)
            co = co.held_by or co.joins
        if co in walk:
            yield walk[walk.index(co):]


def what_it_does(co, clock):
    if co.state == "running":
        by = " by thread %d" % co.thread.num if co.thread is not None else ""
        return "entered at %s%s" % (co.entered_at, by)
    if not co.started:
        return "not started; created at %s" % co.created_at
    waits = ""
    if co.state == "waiting":
        on = " (0x%x)" % co.waits_on if co.waits_on else ""
        waits = "for %s%s%s, " % (co.waits_for, on, clock.text(co.since))
        if co.holder:
            waits += "which %s holds, " % (co.held_by.title if co.held_by else "a thread")
        elif co.joins:
            waits += "that of %s, " % co.joins.title
    at = co.entered_at if co.state == "done" else co.suspended_at
    return "%s%s %s; created at %s" % (waits, "last entered at" if co.state == "done" else "at", at, co.created_at)


def print_deadlocks(everyone):
    for cycle in cycles(everyone):
        print("deadlock: " + " -> ".join(co.title for co in cycle + cycle[:1]))


class WeftCommand(gdb.Command):
    """Coroutines of weft: weft list, weft waits, weft bt ID, weft bt all."""

    def __init__(self):
        super().__init__("weft", gdb.COMMAND_STACK, gdb.COMPLETE_NONE, prefix=True)


class WeftListCommand(gdb.Command):
    """Lists all coroutines: id, name, state, stack used of how much, what it waits for, since when, who holds that, and
    where; then the deadlocks, each as the cycle of those that wait for each other."""

    def __init__(self):
        super().__init__("weft list", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, argument, _from_tty):
        if argument:
            raise gdb.GdbError("weft list takes no argument")
        everyone = coroutines()
        clock = Clock(everyone)
        rows = [("Id", "Name", "State", "Stack used", "What and where")]
        for co in everyone:
            used = "%s of %s" % (bytes_text(co.used), bytes_text(co.top - co.low))
            rows.append((str(co.id), co.name, co.state, used, what_it_does(co, clock)))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) + "  " + row[4])
        print("%d coroutine%s" % (len(everyone), "" if len(everyone) == 1 else "s"))
        print_deadlocks(everyone)


class WeftWaitsCommand(gdb.Command):
    """Who waits for whom: each coroutine that waits, for what, since when, who holds that, and where; then the deadlocks, each
    as the cycle of those that wait for each other."""

    def __init__(self):
        super().__init__("weft waits", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, argument, _from_tty):
        if argument:
            raise gdb.GdbError("weft waits takes no argument")
        everyone = coroutines()
        clock = Clock(everyone)
        waiting = [co for co in everyone if co.state == "waiting"]
        for co in waiting:
            print("%s waits %s" % (co.title, what_it_does(co, clock)))
        print("%d of %d wait" % (len(waiting), len(everyone)))
        print_deadlocks(everyone)


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Unwinder(gdb.unwinder.Unwinder):
    """Says that the thread's innermost frame was called by the frame where a parked coroutine left.

    So gdb walks on through the coroutine's stack by itself, and no register is written: it works on a core too. The
    frames that are the thread's own are cut off what is shown.
    """

    def __init__(self):
        super().__init__("weft")
        self.registers = None
        self.enabled = False

    def frames_of(self, co):
        """Makes the selected thread's frames go on into `co`. To be undone by back()."""
        frame = gdb.newest_frame()
        while frame.type() == gdb.INLINE_FRAME:
            frame = frame.older()
        self.from_sp, self.from_pc = int(frame.read_register("sp")), frame.pc()
        self.registers, self.left, self.enabled = co.registers, co.left, True
        gdb.invalidate_cached_frames()

    def back(self):
        self.registers, self.enabled = None, False
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        if self.registers is None:
            return None
        sp, pc = pending.read_register("sp"), pending.read_register("pc")
        if (int(sp), int(pc)) != (self.from_sp, self.from_pc):
            return None
        # gdb stops where a caller's frame lies below that of the called. So this one lies below them all.
        info = pending.create_unwind_info(FrameId(gdb.Value(self.left).cast(sp.type), pc))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        return info


unwinder = Unwinder()


def frames_between(stack_pointer, counter):
    """The level of the coroutine's innermost frame, and how many it has up to the entry, that included.

    What would follow is whoever entered last, which was long ago.
    """
    first, count = None, 0
    frame = gdb.newest_frame()
    try:
        while frame is not None:
            if first is None and frame.pc() == counter and int(frame.read_register("sp")) == stack_pointer:
                first = frame.level()
            if first is not None:
                count += 1
                if frame.name() == ENTRY:
                    break
            frame = frame.older()
    except gdb.error:
        pass
    return first, count


def backtrace(co, options):
    names = REGISTERS[architecture()]
    unwinder.frames_of(co)
    try:
        first, count = frames_between(co.registers[names[0]], co.registers[names[1]])
        if first is None:
            return "weft: gdb does not get onto the coroutine's stack\n"
        text = gdb.execute("backtrace %s %d" % (options, first + count), to_string=True)
    finally:
        unwinder.back()
    shown = []
    for frame in re.split(r"(?m)^(?=#\d)", text.replace("(More stack frames follow...)\n", "")):
        number = re.match(r"#(\d+) ( *)", frame)
        if number and int(number.group(1)) >= first:
            shown.append("#%-3d%s" % (int(number.group(1)) - first, frame[number.end():]))
    return "".join(shown)


class WeftBacktraceCommand(gdb.Command):
    """Shows the frames of a coroutine: weft bt ID [OPTION], weft bt all [OPTION]. OPTION is one of backtrace's."""

    def __init__(self):
        super().__init__("weft bt", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, argument, _from_tty):
        words = argument.split()
        if not words or not (words[0] == "all" or words[0].isdigit()):
            raise gdb.GdbError("weft bt ID [OPTION], or weft bt all [OPTION]; weft list shows the ids")
        everyone = coroutines()
        chosen = [co for co in everyone if words[0] == "all" or co.id == int(words[0])]
        if not chosen and words[0] != "all":
            raise gdb.GdbError("weft: there is no coroutine %s; weft list shows those there are" % words[0])
        clock = Clock(everyone)
        with Selection():
            for co in chosen:
                print("%s: %s, %s" % (co.title, co.state, what_it_does(co, clock)))
                self.show(co, " ".join(words[1:]), len(chosen) == 1)

    @staticmethod
    def show(co, options, alone):
        if co.state == "running":
            if co.thread is None or not alone:
                print("its frames are in the backtrace of the thread that runs it\n")
            else:
                print("its frames are in the backtrace of thread %d:" % co.thread.num)
                co.thread.switch()
                print(gdb.execute("backtrace %s" % options, to_string=True))
        elif co.state == "done" or not co.started:
            print("it has no frames\n")
        elif not co.registers:
            print("weft: it is not known where this switch saves registers on %s\n" % architecture())
        else:
            print(backtrace(co, options))


class WeftCoreCommand(gdb.Command):
    """Writes a core of the live process, as generate-core-file does, with the coroutines' stacks: weft core FILE.

    gdb gives up on a mapping at the first page that it can't read, and the guards under the stacks are such pages.
    (What the kernel dumps when a process crashes has everything.)
    """

    def __init__(self):
        super().__init__("weft core", gdb.COMMAND_DATA, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, _from_tty):
        if not argument:
            raise gdb.GdbError("weft core FILE")
        memory = Memory()
        layout = Layout(memory)
        if is_core() or not memory.inferior.pid:
            raise gdb.GdbError("weft core: there is no live process")
        gdb.execute("generate-core-file " + argument)
        try:
            with open(os.path.expanduser(argument), "r+b") as core, \
                    open("/proc/%d/pagemap" % memory.inferior.pid, "rb") as pagemap:
                self.fill(memory, layout, core, pagemap)
        except OSError as error:
            raise gdb.GdbError("weft core: the stacks could not be added: %s" % error)
        print("weft: with the stacks of coroutines")

    @staticmethod
    def fill(memory, layout, core, pagemap):
        segments = list(load_segments(memory, core))
        page = os.sysconf("SC_PAGESIZE")
        for slots, slot_size in slabs(memory, layout):
            for slot in slots:
                low, end = slot + layout.guard_size, slot + slot_size
                pagemap.seek(low // page * 8)
                entries = pagemap.read((end - low) // page * 8)
                for number, (entry,) in enumerate(struct.iter_unpack("=Q", entries)):
                    if entry >> 62 == 0:  # neither present (bit 63) nor swapped out (62): nobody wrote to it
                        continue
                    address = low + number * page
                    for start, size, offset in segments:
                        if start <= address < start + size:
                            core.seek(offset + address - start)
                            core.write(memory.bytes(address, page))


def load_segments(memory, core):
    """(address, size in the file, offset in the file) of each PT_LOAD of an ELF file of the program's kind."""
    header = core.read(64)
    wide = header[4] == 2
    order = "<" if memory.order == "little" else ">"
    table, = struct.unpack_from(order + ("Q" if wide else "I"), header, 32 if wide else 28)
    entry_size, count = struct.unpack_from(order + "HH", header, 54 if wide else 42)
    core.seek(table)
    for _ in range(count):
        entry = core.read(entry_size)
        if wide:
            kind, _, offset, address, _, size = struct.unpack_from(order + "IIQQQQ", entry)
        else:
            kind, offset, address, _, size = struct.unpack_from(order + "IIIII", entry)
        if kind == 1:
            yield address, size, offset


gdb.unwinder.register_unwinder(None, unwinder, replace=True)
WeftCommand()
WeftListCommand()
WeftWaitsCommand()
WeftBacktraceCommand()
WeftCoreCommand()
