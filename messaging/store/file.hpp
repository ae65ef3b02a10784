// All file access of the store goes through this interface, so that tests can make every operation fail, tear or lie
// (tests/support/faulty_file). Names are relative to the store's directory; `damaged/` is its only folder.
#pragma once

#include "common/core/bytes.hpp"
#include "common/core/error.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace messaging::store {

class file {
  public:
    virtual ~file() = default;
    /// Reads up to to.size() bytes; fewer only at the end of the file.
    virtual core::result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) = 0;
    /// Writes all bytes; on error any part of them may have been written.
    virtual core::error_code write_at(std::uint64_t offset, core::byte_span bytes) = 0;
    /// fdatasync: when it returns without error, all earlier writes survive a power cut.
    virtual core::error_code sync() = 0;
    /// Makes the file exactly this long, with its blocks allocated.
    virtual core::error_code allocate(std::uint64_t bytes) = 0;
    virtual core::result<std::uint64_t> size() = 0;
};

/// Held as long as it lives.
class directory_lock {
  public:
    virtual ~directory_lock() = default;
};

enum class open_mode {
    read,
    write,  ///< existing file, read and write
    create, ///< new, or emptied
};

/// Thread-safe; `file` objects are used by one thread each.
class file_system {
  public:
    virtual ~file_system() = default;
    virtual core::result<std::unique_ptr<file>> open(const std::string& name, open_mode mode) = 0;
    /// Replaces `to`; durable after sync_directory().
    virtual core::error_code rename(const std::string& from, const std::string& to) = 0;
    virtual core::error_code remove(const std::string& name) = 0;
    /// Makes creations, renames and removals in the store's directory durable ("" or "damaged").
    virtual core::error_code sync_directory(const std::string& folder) = 0;
    virtual core::error_code make_folder(const std::string& folder) = 0;
    /// Names of the plain files in the store's directory, sorted.
    virtual core::result<std::vector<std::string>> list() = 0;
    /// errc::locked when somebody else holds it.
    virtual core::result<std::unique_ptr<directory_lock>> lock() = 0;
};

/// The real one; `directory` exists.
std::unique_ptr<file_system> make_posix_file_system(std::string directory);

} // namespace messaging::store
