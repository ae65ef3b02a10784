// A store whose files were changed in any way: patched, cut, removed, exchanged, and (when the input says so) sealed
// again so that a change counts as good. Opening it neither fails badly nor delivers what nobody wrote, and opening it
// once more gives the same.
#include "messaging/store/recovery.hpp"
#include "common/core/log.hpp"
#include "messaging/store/snapshot.hpp"
#include "tests/fuzz/byte_source.hpp"
#include "tests/support/store_fixture.hpp"

#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

namespace {

using namespace messaging::store;
using fuzzing::byte_source;

log_options options_of(std::uint64_t seed) {
    log_options options;
    options.segment_bytes = 64 * 1024;
    options.side_thread = false;
    options.random = [random = std::make_shared<std::mt19937_64>(seed)] { return (*random)(); };
    return options;
}

/// A good store: segments with footers, a snapshot that covers some, a spare, a last segment without end. Its files are
/// cut behind their content: most of an execution's time is the search for entries in what follows.
class image {
  public:
    image() {
        core::log::start("fuzz", core::log::level::off);
        support::faulty_file_system files;
        for (std::uint64_t life = 0; life < lives; ++life) live(files, life);
        const auto names = files.list();
        for (const auto& name : *names) content[name] = files.content(name).substr(0, 9 * 1024);
    }

    std::map<std::uint64_t, std::string> bodies;
    std::map<std::string, std::string> content;

  private:
    static constexpr std::uint64_t lives = 5, messages = 12;

    /// Each opening begins a segment.
    void live(support::faulty_file_system& files, std::uint64_t life) {
        support::hand_loop loop;
        support::recording_handler handler;
        support::recording_listener listener;
        auto opened = commit_log::open(options_of(life), files, loop.poster(), handler, listener);
        auto log = std::move(*opened);
        for (std::uint64_t position = life * messages + 1; position <= (life + 1) * messages; ++position) {
            const std::string body =
                std::to_string(position) + std::string(position % 7 == 0 ? 1000 : position * 3, 'x');
            bodies[position] = body;
            log->append(position % 5 == 0 ? entry_type::first_of_owner : entry_type::message, 1, position, 7,
                        {core::as_bytes(body)});
            const std::size_t before = listener.batches.size();
            log->flush();
            if (!loop.run_until([&] { return listener.batches.size() > before; })) std::abort();
        }
        if (life == 2) {
            log->write_snapshot("the state");
            if (!loop.run_until([&] { return !listener.snapshots.empty(); })) std::abort();
        }
        if (life + 1 < lives) log->close(); // the last one is killed
    }
};

std::uint64_t generation_in(const std::string& segment) {
    const auto header =
        decode_header(core::as_bytes(segment).first(std::min<std::size_t>(segment.size(), segment_data_begin)));
    return header ? header->generation : 0;
}

/// Where the entry lies that is the `index`-th of a segment, walked by lengths; the end when there is none.
std::uint32_t entry_offset(const std::string& segment, unsigned index) {
    std::uint32_t at = segment_data_begin;
    for (; index > 0 && at + entry_header_bytes < segment.size(); --index) {
        const auto length = entry_length(reinterpret_cast<const std::byte*>(segment.data()) + at);
        if (length < entry_header_bytes || at + length >= segment.size()) break;
        at += length;
    }
    return at;
}

void patch(std::string& file, std::uint32_t at, std::string_view with) {
    if (at >= file.size()) return;
    file.replace(at, std::min(with.size(), file.size() - at), with.substr(0, file.size() - at));
}

struct found {
    core::error_code error;
    std::map<std::uint64_t, std::string> bodies;
    std::uint64_t damaged = 0;
};

found recover_from(support::faulty_file_system& files, std::uint64_t seed) {
    support::recording_handler handler;
    found out;
    auto options = options_of(seed);
    options.segment_bytes = 16 * 1024;
    auto opened = recover(files, options, seed, handler);
    if (!opened) {
        out.error = opened.error();
        return out;
    }
    out.damaged = opened->report.damaged_places;
    for (const auto& each : handler.entries)
        if (each.indexed_bytes == 0) out.bodies[each.position] = each.body;
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static const image good;
    byte_source in(bytes, size);
    auto content = good.content;
    bool forged = false;
    while (!in.empty()) {
        if (content.empty()) break;
        auto chosen = std::next(content.begin(), in.u8() % content.size());
        std::string& file = chosen->second;
        const auto what = in.u8() % 8;
        const std::uint32_t at = (in.u8() << 8u) + in.u8();
        switch (what) {
        case 0: patch(file, at, in.bytes(in.u8() % 32)); break;
        case 1: { // inside the header of an entry, or of the file
            const auto entry = in.u8();
            patch(file, (entry == 255 ? 0 : entry_offset(file, entry)) + at % 64, in.bytes(in.u8() % 16));
            break;
        }
        case 2: { // an entry that says something else and is good
            const auto offset = entry_offset(file, in.u8());
            patch(file, offset + at % 64, in.bytes(in.u8() % 16));
            if (offset + entry_header_bytes > file.size()) break;
            auto* entry = reinterpret_cast<std::byte*>(file.data()) + offset;
            const auto length = entry_length(entry);
            if (length < entry_header_bytes || length > file.size() - offset) break;
            seal_entry(entry, generation_in(file), offset);
            forged = true;
            break;
        }
        case 3: file.resize(std::min<std::size_t>(file.size(), at)); break;
        case 4: content.erase(chosen); break;
        case 5: std::swap(file, std::next(content.begin(), in.u8() % content.size())->second); break;
        case 6: { // under another name
            std::string name = chosen->first;
            const auto letter = in.u8();
            name[letter % name.size()] = static_cast<char>('0' + at % 10);
            content[name] = file;
            break;
        }
        default: file += std::string(in.u8(), '\0'); break;
        }
    }
    support::faulty_file_system files;
    for (const auto& [name, file] : content) files.put(name, file);
    const found first = recover_from(files, 2);
    if (first.error) return 0; // a newer format, or the like: said, and nothing was changed for the worse
    if (!forged)
        for (const auto& [position, body] : first.bodies) {
            const auto wrote = good.bodies.find(position);
            if (wrote == good.bodies.end() || wrote->second != body) std::abort();
        }
    const found again = recover_from(files, 3);
    if (again.error) std::abort();
    for (const auto& [position, body] : again.bodies) {
        const auto before = first.bodies.find(position);
        if (before == first.bodies.end() ? !forged && !good.bodies.contains(position)
                                         : !forged && before->second != body)
            std::abort();
    }
    return 0;
}
