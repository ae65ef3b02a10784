// Tells when files have changed: looks at them every now and then (design §10: mappings are watched likewise), which
// works for files written in place, renamed into place, swapped by a symbolic link (Kubernetes) and mounted alone into
// a container (Compose), where no directory event comes. A group is reported once it has been quiet for one look, so
// that a certificate and its key, or a file being written, are seen whole. One thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ops {

namespace asio = boost::asio;

class file_watch {
  public:
    using listener = std::function<void(const std::string& group)>;
    /// At most this many files of a group are looked at a time, beside those that were just seen to change; of more
    /// each gets its turn.
    static constexpr std::size_t files_per_look = 512;

    explicit file_watch(listener changed) : changed_(std::move(changed)) {}

    /// The files of a group from now on, as they are now. A group of no files is forgotten.
    void watch(const std::string& group, const std::vector<std::string>& files);
    /// Whoever reads a group's files now for another reason: what changed until now is not reported.
    void forget_changes(const std::string& group);
    /// One look; reports what has changed and is quiet. Not from within the listener.
    void look();

    /// Looks every `interval` until cancelled.
    asio::awaitable<void> run(std::chrono::milliseconds interval);

  private:
    /// What a stat says; all zero for a file that is not there.
    struct print {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = 0;
        std::int64_t modified_ns = 0;
        bool operator==(const print&) const = default;
    };
    struct entry {
        std::string path;
        print last;
    };
    struct group {
        std::vector<entry> files;
        std::size_t next = 0;
        std::vector<std::size_t> moving; ///< places of those that looked different last time
        bool changed = false;
    };
    static print print_of(const std::string& path);
    static bool look_at(group& files);

    listener changed_;
    std::map<std::string, group> groups_;
};

} // namespace ops
