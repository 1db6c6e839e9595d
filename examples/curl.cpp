// Another library that has many descriptors: downloads by libcurl, a coroutine for each.

#include <curl/curl.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <system_error>
#include <weft/task.hpp>

#include "curl_transfers.hpp"

namespace {

constexpr char usage[] = R"(usage: example_curl URL FILE [URL FILE]...

Fetches all of them at the same time, each into its file. What goes wrong with one is told, and is no matter to the others.
Exit code 1 if one failed.
)";

/// Returns whether all went well.
bool fetch(transfers& all, char const* url, char const* path) {
    std::unique_ptr<std::FILE, by<std::fclose>> file(std::fopen(path, "wb"));
    if (file == nullptr) {
        std::fprintf(stderr, "curl: %s: %s\n", path, std::system_category().message(errno).c_str());
        return false;
    }
    std::unique_ptr<CURL, by<curl_easy_cleanup>> easy(curl_easy_init());
    curl_easy_setopt(easy.get(), CURLOPT_URL, url);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, file.get());
    curl_easy_setopt(easy.get(), CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    CURLcode result = all.perform(easy.get());
    if (result == CURLE_OK && std::fflush(file.get()) != 0) {
        result = CURLE_WRITE_ERROR;
    }
    if (result != CURLE_OK) {
        std::fprintf(stderr, "curl: %s: %s\n", url, curl_easy_strerror(result));
    }
    return result == CURLE_OK;
}

}  // namespace

int main(int argc, char** argv) {
    bool help = argc == 2 && argv[1] == std::string_view("--help");
    if (help || argc < 3 || argc % 2 == 0) {
        std::fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bool all_well = true;
    weft::run([&] {
        transfers all;
        weft::scope fetching;
        for (int i = 1; i < argc; i += 2) {
            fetching.spawn([&, i] { all_well = fetch(all, argv[i], argv[i + 1]) && all_well; });
        }
        fetching.join();
    });
    curl_global_cleanup();
    return all_well ? 0 : 1;
}
