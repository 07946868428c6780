// cert-manager's commands are not part of its module, and its webhook lives in packages that Go lets
// nobody import from outside its path. So the lab's main for it is a module beneath that path, replaced
// by this directory in ../go.mod: what is built is still one build list, with one go.sum.
module github.com/cert-manager/cert-manager/lab

go 1.26.0

require github.com/cert-manager/cert-manager v1.21.2
