#include "common/ops/process_metrics.hpp"

#include <openssl/crypto.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace ops {

namespace {

double resident_bytes() {
    std::ifstream in("/proc/self/statm");
    double all = 0;
    double resident = 0;
    in >> all >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double descriptors() {
    struct stat directory{};
    const char* path = "/proc/self/fd";
    if (::stat(path, &directory) == 0 && directory.st_size > 0) // Linux 6.2 and newer tell without counting
        return static_cast<double>(directory.st_size);
    std::error_code failed;
    const std::filesystem::directory_iterator first(path, failed);
    return failed ? 0 : static_cast<double>(std::distance(first, std::filesystem::directory_iterator()));
}

double descriptors_max() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<double>(limit.rlim_cur);
}

} // namespace

void declare_process_metrics(metrics& into, const std::string& program) {
    using std::chrono::system_clock;
    const auto started =
        std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch()).count();
    into.collected(metric_kind::gauge, "build_info", "The program that runs, always 1",
                   {"program", "version", "compiler", "openssl"}, [program](samples& to) {
                       to.add({program, PROJECT_VERSION, __VERSION__, OpenSSL_version(OPENSSL_VERSION_STRING)}, 1);
                   });
    into.computed("process_start_time_seconds", "When the program was started, Unix time",
                  [started] { return static_cast<double>(started); });
    into.computed("process_resident_memory_bytes", "Memory in use", resident_bytes);
    into.collected(metric_kind::counter, "process_cpu_seconds_total", "Processor time used", {},
                   [](samples& to) { to.add(cpu_seconds()); });
    into.computed("process_open_fds", "Open descriptors", descriptors);
    into.computed("process_max_fds", "Descriptors the program may have", descriptors_max);
}

} // namespace ops
