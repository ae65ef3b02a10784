#include "common/ops/run.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace ops {

arguments::arguments(int count, char** texts, std::set<std::string> with_value)
    : flags_{"--help", "-h", "--version", "--check", "--dry"} {
    for (int i = 1; i < count; ++i) {
        std::string text = texts[i];
        if (!text.starts_with("-") || text == "-") {
            words_.push_back(std::move(text));
            continue;
        }
        const auto equals = text.find('=');
        const auto key = text.substr(0, equals);
        if (with_value.contains(key)) {
            if (equals != std::string::npos)
                values_[key] = text.substr(equals + 1);
            else if (i + 1 < count)
                values_[key] = texts[++i];
            else
                mistake_ = key + " needs a value";
        } else if (flags_.contains(text)) {
            values_[text] = "true";
        } else {
            mistake_ = "unknown option " + text;
        }
    }
}

std::string arguments::value(const std::string& key, const std::string& otherwise) const {
    const auto found = values_.find(key);
    return found == values_.end() ? otherwise : found->second;
}

std::optional<int> answer_common(const char* program, const char* usage, const arguments& given) {
    if (given.has("--help") || given.has("-h")) {
        std::cout << usage;
        return 0;
    }
    if (given.has("--version")) {
        std::cout << program << " " << PROJECT_VERSION << "\n";
        return 0;
    }
    if (!given.mistake().empty() || given.value("--config", "").empty()) {
        std::cerr << program << ": " << (given.mistake().empty() ? "give --config FILE" : given.mistake()) << "\n\n"
                  << usage;
        return 2;
    }
    return std::nullopt;
}

int ask_health(const std::string& port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port.c_str())));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{4, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string answer;
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
        const std::string question = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        char part[2048];
        if (::send(descriptor, question.data(), question.size(), MSG_NOSIGNAL) > 0)
            for (ssize_t got = 0; (got = ::recv(descriptor, part, sizeof part, 0)) > 0;)
                answer.append(part, static_cast<std::size_t>(got));
    }
    ::close(descriptor);
    if (answer.starts_with("HTTP/1.1 200")) return 0;
    std::cerr << (answer.empty() ? "no answer on port " + port : answer) << "\n";
    return 1;
}

} // namespace ops
