// The newest batches in RAM, for subscribers at the live tail, and the pool that batch buffers come from. Loop only.
#pragma once

#include "messaging/store/batch.hpp"

#include <deque>
#include <vector>

namespace messaging::store {

class batch_cache {
  public:
    explicit batch_cache(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    /// A batch to gather into, with a buffer from earlier when one is free.
    std::shared_ptr<batch> fresh(std::uint64_t commit);
    /// Places must grow; the oldest batches leave when the bound is passed.
    void keep(std::shared_ptr<batch> committed);
    /// For a batch that is not kept.
    void give_back(std::shared_ptr<batch> done);
    std::shared_ptr<const batch> find(location where) const;
    std::size_t bytes() const noexcept { return bytes_; }

  private:
    std::size_t bytes_max_;
    std::size_t bytes_ = 0; ///< buffers of kept_
    std::deque<std::shared_ptr<batch>> kept_;
    std::vector<std::shared_ptr<batch>> pool_;
};

} // namespace messaging::store
