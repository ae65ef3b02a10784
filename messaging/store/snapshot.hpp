// Snapshot files (FORMAT.md, "Snapshot"): the owner's metadata as of a commit. Written beside the commits, read once.
#pragma once

#include "messaging/store/file.hpp"

#include <optional>

namespace messaging::store {

inline constexpr std::size_t snapshots_kept = 2;
inline constexpr const char* snapshot_temporary = "snapshot.tmp";

std::string snapshot_name(std::uint64_t commit);
/// Commit number of a snapshot file's name; empty for any other name.
std::optional<std::uint64_t> snapshot_of(const std::string& name);

/// Durable when it returns without error. errc::sync_failed when a sync failed, else the system's error.
core::error_code save_snapshot(file_system& files, std::uint64_t commit, const std::string& body);
/// Errors: errc::damaged, errc::newer_format, or the system's.
core::result<std::string> load_snapshot(file_system& files, std::uint64_t commit);

} // namespace messaging::store
