#include "messaging/store/errc.hpp"

namespace messaging::store {
namespace {

std::string_view describe(int value) {
    switch (static_cast<errc>(value)) {
    case errc::locked: return "another process uses this store directory";
    case errc::newer_format: return "the store was written by a newer version of this program";
    case errc::damaged: return "stored bytes are damaged";
    case errc::not_found: return "no such place in the store";
    case errc::too_large: return "too large for one commit of the store";
    case errc::sync_failed: return "the disk did not confirm a write; the store is read-only until restarted";
    case errc::read_only: return "the store is read-only after a failed sync; restart after checking the disk";
    case errc::short_read: return "a store file is shorter than it should be";
    case errc::closed: return "the store is closed";
    case errc::bad_options: return "segment and batch sizes of the store do not fit together";
    case errc::snapshot_stale: return "snapshot dropped because a batch before it was refused";
    }
    return "unknown store error";
}

} // namespace

const boost::system::error_category& store_category() noexcept {
    static const core::enum_category category{"store", &describe};
    return category;
}

} // namespace messaging::store
