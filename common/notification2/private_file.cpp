#include "common/notification2/private_file.hpp"

#include "common/core/log.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace notification2 {
namespace {

/// A descriptor that closes itself.
class descriptor {
  public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const noexcept { return number_; }
    bool open() const noexcept { return number_ >= 0; }

  private:
    int number_;
};

bool write_all(int to, std::string_view content) noexcept {
    while (!content.empty()) {
        const ssize_t count = ::write(to, content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

bool sync_directory_of(const std::string& path) {
    auto directory = std::filesystem::path(path).parent_path().string();
    if (directory.empty()) directory = ".";
    const descriptor handle(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return handle.open() && ::fsync(handle.number()) == 0;
}

bool write_new_file(const std::string& path, std::string_view content) {
    const descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    return file.open() && write_all(file.number(), content) && ::fsync(file.number()) == 0;
}

} // namespace

core::result<std::string> read_private_file(const std::string& path, std::size_t bytes_max) {
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct ::stat status{};
    if (!file.open() || ::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) return errc::file_unreadable;
    if (static_cast<std::size_t>(status.st_size) > bytes_max) return errc::file_unreadable;
    if ((status.st_mode & 077) != 0) core::log::warn("secret file is open to others", {{"file", path}});
    std::string content(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t have = 0;
    while (have < content.size()) {
        const ssize_t count = ::read(file.number(), content.data() + have, content.size() - have);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return errc::file_unreadable;
        have += static_cast<std::size_t>(count);
    }
    return content;
}

core::result<std::string> create_private_file(const std::string& path, std::string_view content) {
    // A hard link from a finished temporary file appears at once and never replaces, unlike open-and-write or rename.
    const std::string temporary = path + "." + std::to_string(::getpid()) + ".new";
    ::unlink(temporary.c_str());
    const bool written = write_new_file(temporary, content);
    const bool linked = written && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
    ::unlink(temporary.c_str());
    if (!linked || !sync_directory_of(path)) return errc::file_unwritable;
    return read_private_file(path);
}

core::result<std::string> load_or_create_private_file(const std::string& path,
                                                      const std::function<core::result<std::string>()>& make) {
    struct ::stat status{};
    if (::stat(path.c_str(), &status) == 0 || errno != ENOENT) return read_private_file(path);
    const auto content = make();
    if (!content) return content.error();
    return create_private_file(path, *content);
}

} // namespace notification2
