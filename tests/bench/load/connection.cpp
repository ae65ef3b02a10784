#include "tests/bench/load/connection.hpp"

#include "tests/bench/load/wire.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace bench {
namespace {

io_result from_system(ssize_t moved) noexcept {
    if (moved > 0) return {io_state::done, static_cast<std::size_t>(moved)};
    if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {io_state::would_block, 0};
    return {io_state::closed, 0};
}

io_result from_tls(ssl_st* tls, int moved) noexcept {
    if (moved > 0) return {io_state::done, static_cast<std::size_t>(moved)};
    const int why = SSL_get_error(tls, moved);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {io_state::would_block, 0};
    return {io_state::closed, 0};
}

int connect_socket(const options& given, int receive_buffer_bytes) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(given.host.c_str(), std::to_string(given.port).c_str(), &hints, &found) != 0) return -1;
    int descriptor = -1;
    for (const addrinfo* each = found; each != nullptr && descriptor < 0; each = each->ai_next) {
        descriptor = socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
        if (descriptor < 0) break;
        const auto seconds = static_cast<time_t>(given.connect_timeout_s);
        const auto rest = static_cast<suseconds_t>((given.connect_timeout_s - static_cast<double>(seconds)) * 1e6);
        const timeval limit{.tv_sec = seconds, .tv_usec = rest};
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        // Before the connect, because the window is agreed on there.
        if (receive_buffer_bytes > 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
        const int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(descriptor, each->ai_addr, each->ai_addrlen) != 0) {
            const int why = errno;
            ::close(descriptor);
            errno = why;
            descriptor = -1;
        }
    }
    freeaddrinfo(found);
    return descriptor;
}

std::string connack_problem(connection& socket) {
    std::string answer;
    if (!socket.read_packet(answer)) return "no CONNACK";
    if (answer.size() != 4 || answer[0] != 0x20) return "something else than a CONNACK came";
    if (answer[3] != 0) return "CONNACK with return code " + std::to_string(static_cast<int>(answer[3]));
    return {};
}

std::string suback_problem(connection& socket, const dial_request& request) {
    std::string answer;
    if (!socket.read_packet(answer)) return "no SUBACK";
    if (static_cast<std::uint8_t>(answer[0]) != 0x90) return "something else than a SUBACK came";
    for (std::size_t i = answer.size() - request.filters.size(); i < answer.size(); ++i) {
        const auto granted = static_cast<std::uint8_t>(answer[i]);
        if (granted != request.qos) return "SUBACK with return code " + std::to_string(granted);
    }
    return {};
}

} // namespace

connection::connection(connection&& from) noexcept
    : descriptor_(std::exchange(from.descriptor_, -1)), tls_(std::exchange(from.tls_, nullptr)) {}

connection& connection::operator=(connection&& from) noexcept {
    if (this != &from) {
        close();
        descriptor_ = std::exchange(from.descriptor_, -1);
        tls_ = std::exchange(from.tls_, nullptr);
    }
    return *this;
}

connection::~connection() { close(); }

void connection::close() noexcept {
    if (tls_ != nullptr) SSL_free(tls_);
    if (descriptor_ >= 0) ::close(descriptor_);
    tls_ = nullptr;
    descriptor_ = -1;
}

bool connection::start_tls(ssl_ctx_st* context) {
    return prepare_tls(context, nullptr) && continue_tls() == io_state::done;
}

bool connection::prepare_tls(ssl_ctx_st* context, ssl_session_st* resume) {
    tls_ = SSL_new(context);
    if (tls_ == nullptr || SSL_set_fd(tls_, descriptor_) != 1) return false;
    return resume == nullptr || SSL_set_session(tls_, resume) == 1;
}

io_state connection::continue_tls() noexcept {
    ERR_clear_error();
    return from_tls(tls_, SSL_connect(tls_)).state;
}

void connection::disconnect() noexcept {
    constexpr char packet[2] = {'\xe0', 0};
    if (tls_ != nullptr)
        (void)write_some(packet, sizeof packet); // the close says the same
    else
        (void)send(descriptor_, packet, sizeof packet, MSG_NOSIGNAL | MSG_MORE);
    close();
}

void connection::set_blocking(bool blocking) noexcept {
    const int flags = fcntl(descriptor_, F_GETFL);
    fcntl(descriptor_, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

io_result connection::read_some(char* to, std::size_t size) noexcept {
    if (tls_ == nullptr) return from_system(recv(descriptor_, to, size, 0));
    ERR_clear_error();
    return from_tls(tls_, SSL_read(tls_, to, static_cast<int>(size)));
}

io_result connection::write_some(const char* from, std::size_t size) noexcept {
    if (tls_ == nullptr) return from_system(send(descriptor_, from, size, MSG_NOSIGNAL));
    ERR_clear_error();
    return from_tls(tls_, SSL_write(tls_, from, static_cast<int>(size)));
}

bool connection::has_buffered() const noexcept { return tls_ != nullptr && SSL_pending(tls_) > 0; }

bool connection::write_all(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto written = write_some(bytes.data(), bytes.size());
        if (written.state != io_state::done) return false;
        bytes.remove_prefix(written.bytes);
    }
    return true;
}

bool connection::read_exactly(char* to, std::size_t size) noexcept {
    while (size > 0) {
        const auto got = read_some(to, size);
        if (got.state != io_state::done) return false;
        to += got.bytes;
        size -= got.bytes;
    }
    return true;
}

bool connection::read_packet(std::string& into) noexcept {
    into.assign(2, '\0');
    if (!read_exactly(into.data(), 2)) return false;
    // Answers to CONNECT and SUBSCRIBE that we ask for are always shorter than 128 bytes or two length bytes.
    std::size_t length = static_cast<std::uint8_t>(into[1]);
    if (length >= 0x80) {
        char more = 0;
        if (!read_exactly(&more, 1) || static_cast<std::uint8_t>(more) >= 0x80) return false;
        length = (length & 0x7Fu) | static_cast<std::size_t>(static_cast<std::uint8_t>(more)) << 7;
        into.push_back(more);
    }
    const auto header = into.size();
    into.resize(header + length);
    return read_exactly(into.data() + header, length);
}

ssl_ctx_st* client_tls_context() {
    SSL_CTX* const made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_cert_verify_callback(made, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
    // The curve of devices, and the one that is cheapest for both ends.
    SSL_CTX_set1_groups_list(made, "P-256:X25519");
    SSL_CTX_set_mode(made,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    return made;
}

dialler::dialler(const options& given) : options_(given), context_(given.tls ? client_tls_context() : nullptr) {}

dialler::~dialler() { SSL_CTX_free(context_); }

dial_result dialler::open(const dial_request& request) {
    dial_result out{.socket = connection(connect_socket(options_, request.receive_buffer_bytes)), .problem = {}};
    if (!out.socket.is_open())
        out.problem = std::string("cannot connect: ") + std::strerror(errno);
    else if (context_ != nullptr && !out.socket.start_tls(context_))
        out.problem = "TLS handshake failed";
    else if (!out.socket.write_all(connect_packet(request.client_id, options_.user, options_.password, keep_alive_s)))
        out.problem = "CONNECT could not be written";
    return out;
}

std::vector<dial_result> dialler::dial(const std::vector<dial_request>& requests) {
    std::vector<dial_result> out;
    out.reserve(requests.size());
    for (const auto& request : requests) out.push_back(open(request));
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto& [socket, problem] = out[i];
        if (problem.empty()) problem = connack_problem(socket);
        if (!problem.empty() || requests[i].filters.empty()) continue;
        if (!socket.write_all(subscribe_packet(1, requests[i].filters, requests[i].qos)))
            problem = "SUBSCRIBE could not be written";
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
        auto& [socket, problem] = out[i];
        if (problem.empty() && !requests[i].filters.empty()) problem = suback_problem(socket, requests[i]);
        if (problem.empty())
            socket.set_blocking(false);
        else
            problem = requests[i].client_id + ": " + problem;
    }
    return out;
}

} // namespace bench
