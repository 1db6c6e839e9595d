#include "passes.hpp"

#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace weft::check {
namespace {

/// What is in files, as a number; each file is read once.
class contents {
public:
    std::optional<std::size_t> of(std::string const& path) {
        std::lock_guard guard(mutex_);
        if (auto found = known_.find(path); found != known_.end()) {
            return found->second;
        }
        std::optional<std::size_t> hash;
        try {
            hash = std::hash<std::string>{}(read_file(path));
        } catch (std::runtime_error const&) {
            // It is gone: what was made of it is no longer true.
        }
        return known_[path] = hash;
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::optional<std::size_t>> known_;
};

class cache {
public:
    explicit cache(std::filesystem::path folder) : folder_(std::move(folder)) {
        if (!folder_.empty()) {
            std::filesystem::create_directories(folder_);
        }
    }

    [[nodiscard]] std::optional<summary> find(unit const& u) {
        if (folder_.empty() || !exists(place_of(u))) {
            return std::nullopt;
        }
        try {
            auto entry = nlohmann::json::parse(read_file(place_of(u)));
            for (auto const& [file, hash] : entry.at("files").items()) {
                if (contents_.of(file) != hash.get<std::size_t>()) {
                    return std::nullopt;
                }
            }
            return summary_from_json(entry.at("summary").get<std::string>());
        } catch (std::exception const&) {
            return std::nullopt;  // half written, or another version's
        }
    }

    void keep(unit const& u, summary const& s) {
        if (folder_.empty() || !s.errors.empty()) {
            return;
        }
        nlohmann::json entry{{"files", nlohmann::json::object()}, {"summary", to_json(s)}};
        for (std::string const& file : s.files) {
            if (std::optional<std::size_t> hash = contents_.of(file)) {
                entry["files"][file] = *hash;
            }
        }
        std::ofstream(place_of(u)) << entry;
    }

private:
    /// Another program, another command: another summary.
    [[nodiscard]] std::filesystem::path place_of(unit const& u) {
        std::string all = std::to_string(contents_.of("/proc/self/exe").value_or(0)) + '\n' + u.directory;
        for (std::string const& word : u.command) {
            all += '\n' + word;
        }
        return folder_ / (std::filesystem::path(u.file).stem().string() + "-" +
                          std::to_string(std::hash<std::string>{}(all)) + ".json");
    }

    std::filesystem::path const folder_;
    contents contents_;
};

}  // namespace

std::string read_file(std::filesystem::path const& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        throw std::runtime_error(path.string() + ": cannot be read");
    }
    return std::move(text).str();
}

pass_result summarise(std::vector<unit> const& units, pass_options const& options) {
    pass_result result;
    result.summaries.resize(units.size());
    cache kept(options.cache);
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> reused{0};
    auto work = [&] {
        for (std::size_t i = next++; i < units.size(); i = next++) {
            if (std::optional<summary> known = kept.find(units[i])) {
                result.summaries[i] = std::move(*known);
                ++reused;
                continue;
            }
            result.summaries[i] = read(units[i]);
            kept.keep(units[i], result.summaries[i]);
        }
    };
    {
        std::vector<std::jthread> others;
        for (unsigned i = 1; i < std::min<std::size_t>(options.jobs, units.size()); ++i) {
            others.emplace_back(work);
        }
        work();
    }
    result.reused = reused;
    return result;
}

}  // namespace weft::check
