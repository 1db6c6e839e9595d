// Misuse that types can catch; headers.hpp is included by the compiler's options. Without WRONG it compiles; with each number it does not, and test_must_not_compile.py looks for
// the message that stands behind the number.

#if !defined(WRONG)
#define WRONG 0
#endif

void coroutines() {
    weft::coroutine co([] { weft::yield(); });
#if WRONG == 1  // use of deleted function .*coroutine
    weft::coroutine second = co;
#endif
#if WRONG == 2  // a coroutine's body is called without arguments
    weft::coroutine with_an_argument([](int) {});
#endif
#if WRONG == 3  // ignoring return value of .*coroutine
    weft::coroutine([] {});
#endif
#if WRONG == 4  // no matching function for call to .*suspend
    weft::suspend([] {});
#endif
    std::vector<weft::coroutine> many;
    many.push_back(std::move(co));
}

void generators() {
    weft::generator<int> numbers([](auto& yield) { yield(1); });
#if WRONG == 5  // use of deleted function .*generator
    weft::generator<int> second = numbers;
#endif
}

void tasks() {
    weft::task<int> answer = weft::spawn([] { return 42; });
#if WRONG == 6  // use of deleted function .*task
    weft::task<int> second = answer;
#endif
#if WRONG == 7  // ignoring returned value of type .*task
    weft::spawn([] {});
#endif
#if WRONG == 8  // use of deleted function .*scope
    weft::scope one;
    weft::scope two = std::move(one);
#endif
    weft::scope scope;
    scope.spawn([] {});
    scope.join();
}

void waits(weft::mutex& mutex) {
#if WRONG == 9  // ignoring return value of .*shield
    weft::shield();
#endif
#if WRONG == 10  // use of deleted function .*mutex
    weft::mutex second = mutex;
#endif
#if WRONG == 11  // ignoring return value of .*try_lock
    mutex.try_lock();
#endif
    weft::shield guard;
    std::lock_guard lock(mutex);
}

void files(weft::file& file, std::span<std::byte const> bytes) {
#if WRONG == 12  // no matching function for call to .*read_at
    file.read_at(bytes, 0);
#endif
#if WRONG == 13  // use of deleted function .*file
    weft::file second = file;
#endif
    file.write_all_at(bytes, 0);
}
