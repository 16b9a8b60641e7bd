module clarion.chat/clarion/testdata/mls-interop

go 1.26.0

require (
	clarion.chat/clarion v0.0.0
	github.com/thomas-vilte/mls-go v1.6.0
)

require (
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace clarion.chat/clarion => ../..
