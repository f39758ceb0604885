// Notary's own code, which tests compare Vouchsafe with. Built by Go 1.19 on Debian 12, as is Debian's client.
module vouchsafe.test/reference

go 1.19

require (
	github.com/docker/go v1.5.1-1.0.20160303222718-d30aec9fd63c
	github.com/sirupsen/logrus v1.4.1
	github.com/theupdateframework/notary v0.7.0
)

require (
	github.com/docker/distribution v2.7.1+incompatible // indirect
	github.com/konsorten/go-windows-terminal-sequences v1.0.2 // indirect
	github.com/miekg/pkcs11 v1.0.2 // indirect
	golang.org/x/crypto v0.0.0-20201117144127-c1f2f97bffc9 // indirect
	golang.org/x/sys v0.0.0-20191120155948-bd437916bb0e // indirect
)
