#include "common/link/batcher.hpp"

#include <catch2/catch.hpp>

namespace {
void add_data(msg_link::batcher& to, std::size_t record) {
    const std::string body(record, 'd');
    const std::uint32_t stream[] = {1};
    msg_link::encode_deliver(to.data(record + 24), stream, 1, 1, 1, core::as_bytes(body));
}
} // namespace

TEST_CASE("batcher: control goes before data and shares its batch", "[link]") {
    msg_link::batcher out;
    CHECK(out.empty());
    add_data(out, 10);
    msg_link::encode_hello_end(out.control());
    std::string batch;
    REQUIRE(out.take(batch));
    CHECK(static_cast<unsigned char>(batch[4]) == 0x04);
    CHECK(static_cast<unsigned char>(batch[9]) == 0x86);
    CHECK(out.empty());
    CHECK_FALSE(out.take(batch));
}

TEST_CASE("batcher: data is cut at 64 KiB, never inside a frame", "[link]") {
    msg_link::batcher out;
    std::size_t frames = 0;
    for (; frames < 1'000; ++frames) add_data(out, 1'000);
    std::string batch;
    std::size_t seen = 0;
    std::size_t batches = 0;
    auto left = out.queued_bytes();
    CHECK(left == frames * (1'000 + 24));
    while (out.take(batch)) {
        CHECK(batch.size() <= msg_link::batch_bytes_target);
        left -= batch.size();
        CHECK(out.queued_bytes() == left);
        auto bytes = core::as_bytes(batch);
        msg_link::raw_frame frame;
        while (msg_link::next_frame(bytes, frame)) ++seen;
        CHECK(bytes.empty());
        ++batches;
    }
    CHECK(seen == frames);
    CHECK(batches == 16); // 64 frames of 1,024 bytes fill one: 1,000 / 64
}

TEST_CASE("batcher: a frame larger than a batch goes alone", "[link]") {
    msg_link::batcher out;
    add_data(out, 100);
    add_data(out, 128 * 1024);
    add_data(out, 100);
    std::string batch;
    std::vector<std::size_t> sizes;
    while (out.take(batch)) sizes.push_back(batch.size());
    CHECK(sizes == std::vector<std::size_t>{124, 128 * 1024 + 24, 124});
}

TEST_CASE("batcher: a flood of control frames is cut at frame boundaries", "[link]") {
    msg_link::batcher out;
    for (int i = 0; i < 10'000; ++i) encode(out.control(), msg_link::window{1, 1});
    std::string batch;
    std::size_t frames = 0;
    while (out.take(batch)) {
        CHECK(batch.size() <= msg_link::batch_bytes_target);
        frames += batch.size() / 21;
        CHECK(batch.size() % 21 == 0);
    }
    CHECK(frames == 10'000);
}
