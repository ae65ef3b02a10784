#include "common/ops/file_watch.hpp"

#include "common/async/tokens.hpp"

#include <boost/asio/this_coro.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace ops {

file_watch::print file_watch::print_of(const std::string& path) {
    struct stat found{};
    if (::stat(path.c_str(), &found) != 0) return {};
    print made;
    made.device = found.st_dev;
    made.inode = found.st_ino;
    made.size = found.st_size;
    made.modified_ns = static_cast<std::int64_t>(found.st_mtim.tv_sec) * 1'000'000'000 + found.st_mtim.tv_nsec;
    return made;
}

void file_watch::watch(const std::string& name, const std::vector<std::string>& files) {
    if (files.empty()) {
        groups_.erase(name);
        return;
    }
    auto& of = groups_[name];
    std::map<std::string, print> known;
    for (auto& one : of.files) known.emplace(std::move(one.path), one.last);
    of.files.clear();
    of.next = 0;
    of.moving.clear();
    for (const auto& path : files) {
        // One that was watched already keeps what was last seen of it: it may have changed since.
        const auto found = known.find(path);
        of.files.push_back({path, found == known.end() ? print_of(path) : found->second});
    }
}

void file_watch::forget_changes(const std::string& name) {
    const auto found = groups_.find(name);
    if (found == groups_.end()) return;
    found->second.changed = false;
    found->second.moving.clear();
    for (auto& one : found->second.files) one.last = print_of(one.path);
}

/// True when one of those whose turn it is looks different, or one that did last time still changes.
bool file_watch::look_at(group& of) {
    std::vector<std::size_t> moving;
    const auto look_at_one = [&](std::size_t place) {
        auto& one = of.files[place];
        const auto now = print_of(one.path);
        if (now == one.last) return;
        one.last = now;
        moving.push_back(place);
    };
    for (const auto place : of.moving) look_at_one(place);
    for (std::size_t i = 0; i < std::min(of.files.size(), files_per_look); ++i) {
        look_at_one(of.next);
        of.next = (of.next + 1) % of.files.size();
    }
    of.moving = std::move(moving);
    return !of.moving.empty();
}

void file_watch::look() {
    std::vector<std::string> quiet;
    for (auto& [name, of] : groups_) {
        if (look_at(of))
            of.changed = true;
        else if (std::exchange(of.changed, false))
            quiet.push_back(name);
    }
    for (const auto& name : quiet) changed_(name);
}

asio::awaitable<void> file_watch::run(std::chrono::milliseconds interval) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (true) {
        timer.expires_after(interval);
        auto [error] = co_await timer.async_wait(async::as_result);
        if (error) co_return;
        look();
    }
}

} // namespace ops
