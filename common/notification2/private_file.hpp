// Small files that only their owner may read: signing keys and shared secrets. Created whole or not at all, so that two
// processes starting at once agree on one content. Start-up only; blocking.
#pragma once

#include "common/notification2/error.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace notification2 {

/// The whole file. Errors: file_unreadable (absent, a directory, larger than `bytes_max`). Warns in the log when others
/// than the owner may read it.
core::result<std::string> read_private_file(const std::string& path, std::size_t bytes_max = 64 * 1024);

/// Writes `content` to a new file with mode 0600, synced with its directory, and returns what the file holds then: when
/// somebody else was first, their content. Errors: file_unwritable, file_unreadable.
core::result<std::string> create_private_file(const std::string& path, std::string_view content);

/// What the file holds; if there is none, what `make` gives is created as it. A file that exists but cannot be read is
/// an error, never replaced.
core::result<std::string> load_or_create_private_file(const std::string& path,
                                                      const std::function<core::result<std::string>()>& make);

} // namespace notification2
