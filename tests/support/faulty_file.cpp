#include "tests/support/faulty_file.hpp"

#include "messaging/store/errc.hpp"

#include <algorithm>
#include <cerrno>

namespace support {
namespace {

core::error_code error_of(int number) { return {number, boost::system::system_category()}; }

class held_lock final : public messaging::store::directory_lock {
  public:
    explicit held_lock(std::shared_ptr<int> token) : token_(std::move(token)) {}

  private:
    std::shared_ptr<int> token_;
};

} // namespace

class faulty_file final : public messaging::store::file {
  public:
    faulty_file(faulty_file_system& owner, faulty_file_system::node_pointer at) : owner_(owner), at_(std::move(at)) {}

    core::result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> to) override {
        const std::lock_guard lock(owner_.mutex_);
        const std::string& bytes = at_->cached;
        if (offset >= bytes.size()) return std::size_t{0};
        const std::size_t count = std::min<std::size_t>(to.size(), bytes.size() - offset);
        std::memcpy(to.data(), bytes.data() + offset, count);
        return count;
    }
    core::error_code write_at(std::uint64_t offset, core::byte_span bytes) override {
        const std::lock_guard lock(owner_.mutex_);
        return owner_.write_node(*at_, offset, bytes);
    }
    core::error_code sync() override {
        std::unique_lock lock(owner_.mutex_);
        ++owner_.syncs_held_;
        owner_.syncs_may_go_.wait(lock, [this] { return !owner_.holds(at_); });
        --owner_.syncs_held_;
        return owner_.sync_node(*at_);
    }
    core::error_code allocate(std::uint64_t bytes) override {
        const std::lock_guard lock(owner_.mutex_);
        return owner_.resize_node(*at_, bytes);
    }
    core::result<std::uint64_t> size() override {
        const std::lock_guard lock(owner_.mutex_);
        return std::uint64_t{at_->cached.size()};
    }

  private:
    faulty_file_system& owner_;
    faulty_file_system::node_pointer at_;
};

void faulty_file_system::apply(const write& each, std::string& to) {
    if (each.resize) {
        to.resize(*each.resize, '\0');
        return;
    }
    if (to.size() < each.offset + each.bytes.size()) to.resize(each.offset + each.bytes.size(), '\0');
    std::copy(each.bytes.begin(), each.bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(each.offset));
}

void faulty_file_system::apply(const change& each, names& to) {
    if (each.from.empty()) {
        to[each.to] = each.created;
        return;
    }
    const auto found = to.find(each.from);
    if (found == to.end()) return;
    const node_pointer moved = found->second;
    to.erase(found);
    if (!each.to.empty()) to[each.to] = moved;
}

bool faulty_file_system::frozen() { return operations_++ >= freeze_at_; }

std::uint64_t faulty_file_system::bytes_used() const {
    std::uint64_t sum = 0;
    for (const auto& [name, each] : now_) sum += each->cached.size();
    return sum;
}

core::error_code faulty_file_system::write_node(node& at, std::uint64_t offset, core::byte_span bytes) {
    if (frozen()) return error_of(EIO);
    core::error_code error;
    if (fail_write_ && (*fail_write_)-- == 0) {
        fail_write_.reset();
        error = error_of(write_error_);
        bytes = bytes.first(std::min(bytes.size(), write_part_));
    }
    if (offset + bytes.size() > at.cached.size() &&
        bytes_used() + (offset + bytes.size() - at.cached.size()) > bytes_max_)
        return error_of(ENOSPC);
    if (bytes.empty()) return error;
    at.unsynced.push_back({offset, std::string(core::as_text(bytes)), std::nullopt});
    apply(at.unsynced.back(), at.cached);
    return error;
}

core::error_code faulty_file_system::sync_node(node& at) {
    if (frozen()) return error_of(EIO);
    ++syncs_;
    if (fail_sync_ && (*fail_sync_)-- == 0) {
        // As the kernel does: the pages count as clean from now on although the disk never got them.
        fail_sync_.reset();
        at.unsynced.clear();
        return error_of(EIO);
    }
    for (const write& each : at.unsynced) apply(each, at.durable);
    at.unsynced.clear();
    return {};
}

core::error_code faulty_file_system::resize_node(node& at, std::uint64_t bytes) {
    if (frozen()) return error_of(EIO);
    if (bytes > at.cached.size() && bytes_used() + (bytes - at.cached.size()) > bytes_max_) return error_of(ENOSPC);
    at.unsynced.push_back({0, {}, bytes});
    apply(at.unsynced.back(), at.cached);
    return {};
}

core::result<std::unique_ptr<messaging::store::file>> faulty_file_system::open(const std::string& name,
                                                                               messaging::store::open_mode mode) {
    using messaging::store::open_mode;
    const std::lock_guard lock(mutex_);
    const auto found = now_.find(name);
    if (mode != open_mode::create) {
        if (found == now_.end()) return error_of(ENOENT);
        return std::unique_ptr<file>(std::make_unique<faulty_file>(*this, found->second));
    }
    if (frozen()) return error_of(EIO);
    if (found == now_.end()) {
        const auto created = std::make_shared<node>();
        changes_.push_back({{}, name, created});
        apply(changes_.back(), now_);
    } else {
        found->second->unsynced.push_back({0, {}, std::uint64_t{0}});
        found->second->cached.clear();
    }
    return std::unique_ptr<file>(std::make_unique<faulty_file>(*this, now_[name]));
}

core::error_code faulty_file_system::rename(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    if (frozen()) return error_of(EIO);
    if (!now_.contains(from)) return error_of(ENOENT);
    changes_.push_back({from, to, nullptr});
    apply(changes_.back(), now_);
    return {};
}

core::error_code faulty_file_system::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (frozen()) return error_of(EIO);
    if (!now_.contains(name)) return error_of(ENOENT);
    changes_.push_back({name, {}, nullptr});
    apply(changes_.back(), now_);
    return {};
}

core::error_code faulty_file_system::sync_directory(const std::string&) {
    const std::lock_guard lock(mutex_);
    if (frozen()) return error_of(EIO);
    for (const change& each : changes_) apply(each, durable_);
    changes_.clear();
    return {};
}

void faulty_file_system::hold_syncs(bool hold) {
    const std::lock_guard lock(mutex_);
    hold_syncs_ = hold;
    held_.reset();
    syncs_may_go_.notify_all();
}

void faulty_file_system::hold_syncs_of(const std::string& name) {
    const std::lock_guard lock(mutex_);
    held_ = now_.at(name);
}

bool faulty_file_system::holds(const node_pointer& at) const { return hold_syncs_ || at == held_; }

std::size_t faulty_file_system::syncs_held() const {
    const std::lock_guard lock(mutex_);
    return hold_syncs_ || held_ ? syncs_held_ : 0;
}

core::error_code faulty_file_system::make_folder(const std::string&) { return {}; }

core::result<std::vector<std::string>> faulty_file_system::list() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    for (const auto& [name, each] : now_)
        if (name.find('/') == std::string::npos) found.push_back(name);
    return found;
}

core::result<std::unique_ptr<messaging::store::directory_lock>> faulty_file_system::lock() {
    const std::lock_guard lock(mutex_);
    if (locked_.use_count() > 1) return make_error_code(messaging::store::errc::locked);
    locked_ = std::make_shared<int>(0);
    return std::unique_ptr<messaging::store::directory_lock>(std::make_unique<held_lock>(locked_));
}

void faulty_file_system::kill() {
    const std::lock_guard lock(mutex_);
    freeze_at_ = ~std::uint64_t{0};
    fail_write_.reset();
    fail_sync_.reset();
}

void faulty_file_system::power_cut(std::mt19937_64& random) {
    kill();
    const std::lock_guard lock(mutex_);
    std::size_t kept = changes_.empty() ? 0 : random() % (changes_.size() + 1);
    for (const change& each : changes_) {
        if (kept-- == 0) break;
        apply(each, durable_);
    }
    changes_.clear();
    now_ = durable_;
    for (auto& [name, each] : now_) {
        std::shuffle(each->unsynced.begin(), each->unsynced.end(), random);
        for (write& lost : each->unsynced) {
            const auto fate = random() % 4;
            if (fate == 0) continue;
            if (fate == 1 && !lost.resize) {
                const std::size_t from = random() % (lost.bytes.size() + 1);
                const std::size_t to = from + random() % (lost.bytes.size() - from + 1);
                lost = {lost.offset + from, lost.bytes.substr(from, to - from), std::nullopt};
                if (lost.bytes.empty()) continue;
            }
            if (fate == 2 && !lost.resize && !lost.bytes.empty())
                for (auto left = 1 + random() % 3; left > 0; --left)
                    lost.bytes[random() % lost.bytes.size()] ^= static_cast<char>(1 << (random() % 7));
            apply(lost, each->durable);
        }
        each->unsynced.clear();
        each->cached = each->durable;
    }
}

void faulty_file_system::freeze_after(std::uint64_t operations) {
    const std::lock_guard lock(mutex_);
    freeze_at_ = operations_ + operations;
}

void faulty_file_system::fail_write(std::uint64_t after, int error_number, std::size_t written) {
    const std::lock_guard lock(mutex_);
    fail_write_ = after;
    write_error_ = error_number;
    write_part_ = written;
}

void faulty_file_system::fail_sync(std::uint64_t after) {
    const std::lock_guard lock(mutex_);
    fail_sync_ = after;
}

void faulty_file_system::limit_bytes(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_max_ = bytes;
}

std::string faulty_file_system::content(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = now_.find(name);
    return found == now_.end() ? std::string() : found->second->cached;
}

bool faulty_file_system::exists(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return now_.contains(name);
}

void faulty_file_system::put(const std::string& name, const std::string& content) {
    const std::lock_guard lock(mutex_);
    const auto made = std::make_shared<node>();
    made->cached = content;
    made->durable = content;
    now_[name] = made;
    durable_[name] = made;
}

void faulty_file_system::flip(const std::string& name, std::uint64_t offset, unsigned char mask) {
    const std::lock_guard lock(mutex_);
    node& at = *now_.at(name);
    at.cached.at(offset) = static_cast<char>(at.cached.at(offset) ^ mask);
    at.durable.at(offset) = static_cast<char>(at.durable.at(offset) ^ mask);
}

std::uint64_t faulty_file_system::changes() const {
    const std::lock_guard lock(mutex_);
    return operations_;
}

std::uint64_t faulty_file_system::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_used();
}

std::uint64_t faulty_file_system::file_syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
}

} // namespace support
