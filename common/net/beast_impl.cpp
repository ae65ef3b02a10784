// The one compiled copy of Beast (BOOST_BEAST_SEPARATE_COMPILATION); nothing else belongs here.
#include <boost/beast/src.hpp>
