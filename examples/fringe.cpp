// Whether two trees have the same leaves in the same order, however they branch: two generators walk them side by side. Neither
// tree is copied, and the walk ends at the first difference.

#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <vector>
#include <weft/generator.hpp>

namespace {

struct tree {
    char leaf = 0;  // 0: a tree with branches
    std::vector<tree> branches = {};
};

/// "(ab)(c)": a character is a leaf, brackets are a tree.
tree parse(std::string_view& text, bool outermost) {
    tree t;
    while (!text.empty() && text.front() != ')') {
        char c = text.front();
        text.remove_prefix(1);
        t.branches.push_back(c == '(' ? parse(text, false) : tree{c});
    }
    if (outermost != text.empty()) {
        throw std::invalid_argument(outermost ? "one ')' too many" : "one ')' too few");
    }
    text.remove_prefix(outermost ? 0 : 1);
    return t;
}

void walk(tree const& t, weft::yielder<char>& yield) {
    if (t.leaf != 0) {
        yield(t.leaf);  // from any depth
    }
    for (tree const& branch : t.branches) {
        walk(branch, yield);
    }
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) {
        return std::fputs("usage: example_fringe TREE TREE, with a TREE like '(ab)(c)'\n", stderr), 2;
    }
    std::string_view texts[] = {argv[1], argv[2]};
    tree left_tree = parse(texts[0], true), right_tree = parse(texts[1], true);
    weft::generator<char> left([&](auto& yield) { walk(left_tree, yield); });
    weft::generator<char> right([&](auto& yield) { walk(right_tree, yield); });
    auto l = left.begin(), r = right.begin();
    for (; l != left.end() && r != right.end() && *l == *r; ++l, ++r) {
        std::putchar(*l);
    }
    return l == left.end() && r == right.end() ? 0 : 1;
} catch (std::invalid_argument const& e) {
    std::fprintf(stderr, "fringe: %s\n", e.what());
    return 2;
}
