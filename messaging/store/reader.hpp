// The read thread: cold entries by place, in the order asked, neighbours with one read. Never touches what the commit
// thread writes: only committed places are asked for, and the generation unmasks a segment recycled meanwhile.
#pragma once

#include "messaging/store/commit_log.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace messaging::store {

struct read_job {
    struct item {
        read_request request;
        std::uint64_t generation = 0; ///< of the segment asked for
        bool known = false;           ///< false: no such segment
    };
    std::vector<item> items;
    fetch_callback callback;
    std::shared_ptr<fetched> done;
    // Or instead of all that the index of one segment:
    std::uint32_t index_of = 0; ///< segment
    std::uint32_t content_end = 0;
    std::uint64_t generation = 0;
    index_callback index_ready;
    std::shared_ptr<segment_index> index;

    void answer() {
        if (index_of != 0)
            index_ready(std::move(index));
        else
            callback(std::move(done));
    }
};

class reader {
  public:
    /// `wake` is called on the thread when answers wait; at most once until take_answers().
    reader(file_system& files, std::function<void()> wake);
    /// Ends the thread after the job it is doing.
    ~reader();

    void push(read_job job);
    /// Swaps in what was read, in order. `into` is empty.
    void take_answers(std::vector<read_job>& into);
    /// Serves all jobs pushed so far and joins.
    void finish();

  private:
    void run();
    void serve(read_job& job);
    void serve_index(read_job& job);
    void read_run(read_job& job, std::size_t from, std::size_t to, std::size_t data_at, std::size_t bytes);
    core::result<file*> opened(std::uint32_t segment);

    file_system& files_;
    std::function<void()> wake_;
    std::mutex mutex_;
    std::condition_variable jobs_waiting_;
    std::deque<read_job> jobs_;     // under mutex_
    std::vector<read_job> answers_; // under mutex_
    bool stop_ = false;             // under mutex_
    bool finish_ = false;           // under mutex_
    std::map<std::uint32_t, std::unique_ptr<file>> open_;
    std::thread thread_; // last: starts when all the rest is there
};

} // namespace messaging::store
