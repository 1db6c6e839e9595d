// A producer and a consumer, each written as if it were the main program: one expands runs ("3a2-b" is "aaa--b"), the other
// counts words. Without coroutines, one of the two would have to remember where it was.

#include <cctype>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <weft/coroutine.hpp>

namespace {

int passed = EOF;  // the character on its way; EOF follows the last

void give(int c) {
    passed = c;
    weft::yield();  // to whoever takes it
}

int take(weft::coroutine& producer) {
    producer.enter();
    return passed;
}

void expand(std::FILE* from) {
    for (int c; (c = std::getc(from)) != EOF;) {
        int times = std::isdigit(c) != 0 ? c - '0' : 1;
        c = std::isdigit(c) != 0 ? std::getc(from) : c;
        for (; times > 0 && c != EOF; --times) {
            give(c);
        }
    }
    give(EOF);
}

std::map<std::string, int> count_words(weft::coroutine& producer) {
    std::map<std::string, int> counts;
    std::string word;
    for (int c = 0; c != EOF;) {
        c = take(producer);
        if (std::isalpha(c) != 0) {
            word += static_cast<char>(c);
        } else if (!word.empty()) {
            ++counts[std::exchange(word, {})];
        }
    }
    return counts;
}

}  // namespace

int main() {
    weft::coroutine producer({.name = "producer"}, [] { expand(stdin); });
    for (auto const& [word, count] : count_words(producer)) {
        std::printf("%d %s\n", count, word.c_str());
    }
}
