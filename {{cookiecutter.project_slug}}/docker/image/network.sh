# Sourced in an image build: uses the network as this machine does. make passes its settings as a secret.
# shellcheck source=/dev/null
[ ! -f /run/secrets/network ] || . /run/secrets/network
