// The store's file system in memory, with a disk below the page cache: what was not synced may be lost, torn or
// reordered by a crash, and any operation can be made to fail. Thread-safe. Files stay open across renames, as with
// POSIX.
#pragma once

#include "messaging/store/file.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <random>

namespace support {

class faulty_file_system final : public messaging::store::file_system {
  public:
    using file = messaging::store::file;

    core::result<std::unique_ptr<file>> open(const std::string& name, messaging::store::open_mode mode) override;
    core::error_code rename(const std::string& from, const std::string& to) override;
    core::error_code remove(const std::string& name) override;
    core::error_code sync_directory(const std::string& folder) override;
    core::error_code make_folder(const std::string& folder) override;
    core::result<std::vector<std::string>> list() override;
    core::result<std::unique_ptr<messaging::store::directory_lock>> lock() override;

    /// The process dies, the machine lives: the page cache stays. All users must be gone.
    void kill();
    /// Power cut: each unsynced write reaches the disk wholly, torn, with wrong bits, or not at all, in any order; of
    /// the directory operations since the last sync a random number of first ones. All users must be gone.
    void power_cut(std::mt19937_64& random);

    /// From the n-th changing operation on (0 = the next), nothing reaches the page cache any more and all fails with
    /// EIO, until kill() or power_cut(): the moment of death, seen by nobody.
    void freeze_after(std::uint64_t operations);
    /// The n-th write from now fails (0 = the next), after its first `written` bytes.
    void fail_write(std::uint64_t after, int error_number, std::size_t written);
    /// The n-th sync of a file from now fails (0 = the next); what it should have made durable never will be.
    void fail_sync(std::uint64_t after);
    /// Bytes of all files together; allocation and writes beyond it fail with ENOSPC.
    void limit_bytes(std::uint64_t bytes);

    /// Syncs of files do not return while held: of all, or of the one that now has that name.
    void hold_syncs(bool hold);
    void hold_syncs_of(const std::string& name);
    std::size_t syncs_held() const;

    /// Content as seen by programs; empty when there is none.
    std::string content(const std::string& name) const;
    bool exists(const std::string& name) const;
    /// Puts a file there, durable.
    void put(const std::string& name, const std::string& content);
    /// Changes bits of one byte, on the disk and in the cache.
    void flip(const std::string& name, std::uint64_t offset, unsigned char mask);
    std::uint64_t changes() const;
    std::uint64_t file_syncs() const;
    /// Of all files together.
    std::uint64_t bytes() const;

  private:
    friend class faulty_file;
    struct write {
        std::uint64_t offset;
        std::string bytes;
        std::optional<std::uint64_t> resize; ///< instead of bytes
    };
    struct node {
        std::string cached;
        std::string durable;
        std::vector<write> unsynced;
    };
    using node_pointer = std::shared_ptr<node>;
    struct change {
        std::string from; ///< empty: creation of `to`
        std::string to;   ///< empty: removal of `from`
        node_pointer created;
    };
    using names = std::map<std::string, node_pointer>;

    static void apply(const write& each, std::string& to);
    static void apply(const change& each, names& to);
    core::error_code write_node(node& at, std::uint64_t offset, core::byte_span bytes);
    core::error_code sync_node(node& at);
    core::error_code resize_node(node& at, std::uint64_t bytes);
    bool frozen();
    std::uint64_t bytes_used() const;

    mutable std::mutex mutex_;
    std::condition_variable syncs_may_go_;
    bool holds(const node_pointer& at) const;

    bool hold_syncs_ = false;
    node_pointer held_; ///< syncs of this one alone
    std::size_t syncs_held_ = 0;
    names now_;
    names durable_;
    std::vector<change> changes_; ///< of directories, unsynced
    std::shared_ptr<int> locked_;
    std::uint64_t operations_ = 0;
    std::uint64_t syncs_ = 0;
    std::uint64_t freeze_at_ = ~std::uint64_t{0};
    std::optional<std::uint64_t> fail_write_;
    int write_error_ = 0;
    std::size_t write_part_ = 0;
    std::optional<std::uint64_t> fail_sync_;
    std::uint64_t bytes_max_ = ~std::uint64_t{0};
};

} // namespace support
