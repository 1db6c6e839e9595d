#include "fix.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "passes.hpp"

namespace weft::check {
namespace {

char const* macro(mark m, bool qemu) {
    if (has(m, mark::coroutine)) {
        return qemu ? "coroutine_fn" : "WEFT_COROUTINE_FN";
    }
    if (has(m, mark::mixed)) {
        return qemu ? "coroutine_mixed_fn" : "WEFT_MIXED_FN";
    }
    return qemu ? "no_coroutine_fn" : "WEFT_NO_COROUTINE_FN";
}

/// Behind the last of the includes that the file begins with.
std::size_t behind_includes(std::string const& text) {
    std::size_t behind = 0;
    for (std::size_t line = 0; line < text.size();) {
        std::size_t end = std::min(text.find('\n', line), text.size() - 1) + 1;
        std::string_view words = std::string_view(text).substr(line, end - line);
        if (words.starts_with("#include") || words.starts_with("#pragma once")) {
            behind = end;
        }
        line = end;
    }
    return behind;
}

void write_file(std::string const& path, std::string const& text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) {
        throw std::runtime_error(path + ": cannot be written");
    }
}

}  // namespace

void edits::add(spot const& s, mark m, std::string const& like) {
    auto found = std::find_if(files_.begin(), files_.end(), [&](auto const& f) { return f.first == s.file; });
    if (found == files_.end()) {
        found = files_.insert(found, {s.file, {}});
    }
    bool qemu = like.empty() ? s.c : !like.starts_with("WEFT_");
    if (qemu ? !s.knows_qemu && s.knows_weft : !s.knows_weft && s.knows_qemu) {
        qemu = !qemu;
    }
    if (qemu ? !s.knows_qemu : !s.knows_weft) {
        found->second.include = qemu ? "#include \"qemu/coroutine.h\"\n" : "#include <weft/marks.hpp>\n";
    }
    insertion i{s.c && qemu ? s.before_name : s.in_front, std::string(macro(m, qemu)) + ' '};
    auto& all = found->second.insertions;
    if (std::find(all.begin(), all.end(), i) == all.end()) {
        all.push_back(std::move(i));
    }
}

fixes edits::write() const {
    fixes result;
    for (auto const& [path, file] : files_) {
        std::string text = read_file(path);
        std::vector<insertion> from_the_end = file.insertions;
        if (!file.include.empty()) {
            from_the_end.push_back({static_cast<unsigned>(behind_includes(text)), file.include});
        }
        std::sort(from_the_end.rbegin(), from_the_end.rend());
        for (insertion const& i : from_the_end) {
            text.insert(i.offset, i.text);
        }
        write_file(path, text);
        result.marks += file.insertions.size();
        result.files.push_back(path);
    }
    return result;
}

}  // namespace weft::check
