#include "messaging/store/reader.hpp"

#include "messaging/store/segment.hpp"

namespace messaging::store {
namespace {

constexpr std::size_t open_files_max = 16;
constexpr std::size_t run_bytes_max = 1 << 20;
constexpr std::size_t gap_bytes_max = 16 * 1024; // reading over a gap is cheaper than another call

/// A span: requests of one segment, ascending, that one read covers.
struct read_span {
    std::size_t from = 0;
    std::size_t to = 0; ///< behind the last one
    std::size_t bytes = 0;
};

read_span next_run(const std::vector<read_job::item>& items, std::size_t from) {
    const read_request& first = items[from].request;
    std::uint64_t end = std::uint64_t{first.where.offset} + first.bytes;
    std::size_t to = from + 1;
    for (; to < items.size(); ++to) {
        const read_request& next = items[to].request;
        if (!items[from].known || !items[to].known || next.where.segment != first.where.segment) break;
        if (next.where.offset < end || next.where.offset - end > gap_bytes_max) break;
        const std::uint64_t new_end = std::uint64_t{next.where.offset} + next.bytes;
        if (new_end - first.where.offset > run_bytes_max) break;
        end = new_end;
    }
    return {from, to, static_cast<std::size_t>(end - first.where.offset)};
}

} // namespace

reader::reader(file_system& files, std::function<void()> wake)
    : files_(files), wake_(std::move(wake)), thread_([this] { run(); }) {}

reader::~reader() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    jobs_waiting_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void reader::push(read_job job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    jobs_waiting_.notify_one();
}

void reader::take_answers(std::vector<read_job>& into) {
    const std::lock_guard lock(mutex_);
    into.swap(answers_);
}

void reader::finish() {
    {
        const std::lock_guard lock(mutex_);
        finish_ = true;
    }
    jobs_waiting_.notify_one();
    thread_.join();
}

void reader::run() {
    for (;;) {
        read_job job;
        {
            std::unique_lock lock(mutex_);
            jobs_waiting_.wait(lock, [this] { return stop_ || finish_ || !jobs_.empty(); });
            if (stop_ || jobs_.empty()) return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        serve(job);
        bool first = false;
        {
            const std::lock_guard lock(mutex_);
            if (stop_) return;
            first = answers_.empty();
            answers_.push_back(std::move(job));
        }
        if (first) wake_();
    }
}

/// By its footer; when that is missing or damaged, by reading all of it.
void reader::serve_index(read_job& job) {
    job.index = std::make_shared<segment_index>();
    job.index->segment = job.index_of;
    const auto source = opened(job.index_of);
    core::result<std::vector<indexed_entry>> found = make_error_code(errc::not_found);
    if (source && job.content_end != 0) found = read_footer(**source, job.generation, job.content_end);
    if (source && !found) found = walk_segment(**source, job.generation, job.content_end);
    if (found)
        job.index->entries = std::move(*found);
    else
        job.index->error = found.error();
}

void reader::serve(read_job& job) {
    if (job.index_of != 0) return serve_index(job);
    job.done = std::make_shared<fetched>();
    std::vector<read_span> runs;
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < job.items.size(); at = runs.back().to) {
        runs.push_back(next_run(job.items, at));
        bytes += runs.back().bytes;
    }
    job.done->entries.resize(job.items.size());
    job.done->data.resize(bytes);
    std::size_t data_at = 0;
    for (const read_span& each : runs) {
        read_run(job, each.from, each.to, data_at, each.bytes);
        data_at += each.bytes;
    }
}

void reader::read_run(read_job& job, std::size_t from, std::size_t to, std::size_t data_at, std::size_t bytes) {
    const location first = job.items[from].request.where;
    core::error_code error;
    std::size_t got = 0;
    std::byte* const data = reinterpret_cast<std::byte*>(job.done->data.data()) + data_at;
    if (!job.items[from].known) error = errc::not_found;
    if (!error) {
        const auto source = opened(first.segment);
        if (!source) {
            error = errc::not_found;
        } else {
            const auto count = (*source)->read_at(first.offset, {data, bytes});
            if (count)
                got = *count;
            else
                error = count.error();
        }
    }
    for (std::size_t i = from; i < to; ++i) {
        fetched_entry& entry = job.done->entries[i];
        const read_request& request = job.items[i].request;
        entry.where = request.where;
        entry.error = error;
        if (error) continue;
        const std::size_t at = request.where.offset - first.offset;
        const auto checked = at + request.bytes > got ? std::nullopt
                                                      : check_entry({data + at, request.bytes}, job.items[i].generation,
                                                                    request.where.offset);
        if (checked && checked->bytes() == request.bytes)
            entry.entry = *checked;
        else
            entry.error = errc::damaged;
    }
}

core::result<file*> reader::opened(std::uint32_t segment) {
    if (const auto found = open_.find(segment); found != open_.end()) return found->second.get();
    auto source = files_.open(segment_name(segment), open_mode::read);
    if (!source) return source.error();
    // Numbers grow with time, so the lowest one is the least likely to be asked for again.
    if (open_.size() >= open_files_max) open_.erase(open_.begin());
    file* const raw = source->get();
    open_.emplace(segment, std::move(*source));
    return raw;
}

} // namespace messaging::store
