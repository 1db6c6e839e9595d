// Loads each plugin that it is given, and uses it:
//
//     host PLUGIN...

#include <dlfcn.h>

#include <cstdio>

int main(int count, char** plugins) {
    for (int i = 1; i < count; ++i) {
        void* plugin = dlopen(plugins[i], RTLD_NOW | RTLD_LOCAL);
        void* use = plugin == nullptr ? nullptr : dlsym(plugin, "use_plugin");
        if (use == nullptr) {
            std::printf("plugin %d: %s\n", i, dlerror());
            return 1;
        }
        if (int said = reinterpret_cast<int (*)()>(use)(); said != 42) {
            std::printf("plugin %d: returned %d\n", i, said);
            return 1;
        }
    }
    std::printf("%d plugins\n", count - 1);
}
