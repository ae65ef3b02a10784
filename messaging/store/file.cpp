#include "messaging/store/file.hpp"

#include "messaging/store/errc.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace messaging::store {
namespace {

core::error_code error_of(int number) { return {number, boost::system::system_category()}; }
core::error_code last_error() { return error_of(errno); }

class descriptor {
  public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }

  private:
    int fd_;
};

class posix_file final : public file {
  public:
    explicit posix_file(descriptor fd) noexcept : fd_(std::move(fd)) {}

    core::result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) override {
        std::size_t done = 0;
        while (done < to.size()) {
            const ssize_t got =
                ::pread(fd_.get(), to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
            if (got == 0) break;
            if (got > 0)
                done += static_cast<std::size_t>(got);
            else if (errno != EINTR)
                return last_error();
        }
        return done;
    }

    core::error_code write_at(std::uint64_t offset, core::byte_span bytes) override {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t put =
                ::pwrite(fd_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
            if (put > 0)
                done += static_cast<std::size_t>(put);
            else if (put == 0)
                return error_of(ENOSPC);
            else if (errno != EINTR)
                return last_error();
        }
        return {};
    }

    core::error_code sync() override { return ::fdatasync(fd_.get()) == 0 ? core::error_code{} : last_error(); }

    core::error_code allocate(std::uint64_t bytes) override {
        const auto length = static_cast<off_t>(bytes);
        if (const int failed = ::posix_fallocate(fd_.get(), 0, length); failed != 0) return error_of(failed);
        return ::ftruncate(fd_.get(), length) == 0 ? core::error_code{} : last_error();
    }

    core::result<std::uint64_t> size() override {
        struct stat found{};
        if (::fstat(fd_.get(), &found) != 0) return last_error();
        return static_cast<std::uint64_t>(found.st_size);
    }

  private:
    descriptor fd_;
};

class posix_lock final : public directory_lock {
  public:
    explicit posix_lock(descriptor fd) noexcept : fd_(std::move(fd)) {}

  private:
    descriptor fd_; // closing it ends the flock
};

class posix_file_system final : public file_system {
  public:
    explicit posix_file_system(std::string directory) : directory_(std::move(directory)) {}

    core::result<std::unique_ptr<file>> open(const std::string& name, open_mode mode) override {
        int flags = O_CLOEXEC;
        switch (mode) {
        case open_mode::read: flags |= O_RDONLY; break;
        case open_mode::write: flags |= O_RDWR; break;
        case open_mode::create: flags |= O_RDWR | O_CREAT | O_TRUNC; break;
        }
        descriptor fd(::open(path(name).c_str(), flags, 0600));
        if (fd.get() < 0) return last_error();
        return std::unique_ptr<file>(std::make_unique<posix_file>(std::move(fd)));
    }

    core::error_code rename(const std::string& from, const std::string& to) override {
        return ::rename(path(from).c_str(), path(to).c_str()) == 0 ? core::error_code{} : last_error();
    }

    core::error_code remove(const std::string& name) override {
        return ::unlink(path(name).c_str()) == 0 ? core::error_code{} : last_error();
    }

    core::error_code sync_directory(const std::string& folder) override {
        const descriptor fd(::open(path(folder).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (fd.get() < 0) return last_error();
        return ::fsync(fd.get()) == 0 ? core::error_code{} : last_error();
    }

    core::error_code make_folder(const std::string& folder) override {
        if (::mkdir(path(folder).c_str(), 0700) == 0 || errno == EEXIST) return {};
        return last_error();
    }

    core::result<std::vector<std::string>> list() override {
        DIR* opened = ::opendir(directory_.c_str());
        if (opened == nullptr) return last_error();
        std::vector<std::string> names;
        while (const dirent* found = ::readdir(opened)) {
            struct stat kind{};
            if (::fstatat(::dirfd(opened), found->d_name, &kind, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(kind.st_mode))
                names.emplace_back(found->d_name);
        }
        ::closedir(opened);
        std::sort(names.begin(), names.end());
        return names;
    }

    core::result<std::unique_ptr<directory_lock>> lock() override {
        descriptor fd(::open(path("LOCK").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (fd.get() < 0) return last_error();
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return make_error_code(errc::locked);
            return last_error();
        }
        return std::unique_ptr<directory_lock>(std::make_unique<posix_lock>(std::move(fd)));
    }

  private:
    std::string path(const std::string& name) const { return name.empty() ? directory_ : directory_ + "/" + name; }

    std::string directory_;
};

} // namespace

std::unique_ptr<file_system> make_posix_file_system(std::string directory) {
    return std::make_unique<posix_file_system>(std::move(directory));
}

} // namespace messaging::store
