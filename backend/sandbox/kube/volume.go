package kube

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// bind gives a claim its volume. One of the class local is on the disk of one machine,
// where the pod that claims it has to run from then on.
func bind(c *Cluster, namespace, name string) {
	claim := Get[*corev1.PersistentVolumeClaim](c, namespace, name)
	users := c.claimants(namespace, name)
	switch {
	case claim == nil:
		c.release(namespace, name)
		return
	case claim.DeletionTimestamp != nil:
		if len(users) == 0 {
			c.finished(c.kindOf(claim).key(namespace, name), keptClaim)
		}
		return
	case claim.Status.Phase == corev1.ClaimBound:
		return
	}
	node := ""
	for _, p := range users {
		node = p.Spec.NodeName
	}
	class := c.class(claim)
	switch {
	case class == nil && deref(claim.Spec.StorageClassName) == "":
		c.unbound(claim, corev1.EventTypeNormal, "FailedBinding", "no persistent volumes available for this claim and no storage class is set")
		return
	case class == nil:
		c.unbound(claim, corev1.EventTypeWarning, "ProvisioningFailed", fmt.Sprintf("storageclass.storage.k8s.io %q not found", *claim.Spec.StorageClassName))
		return
	}
	local := strings.HasPrefix(class.Name, "local")
	if local && node == "" {
		c.unbound(claim, corev1.EventTypeNormal, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
		return
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(claim.UID)},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: claim.Spec.Resources.Requests, AccessModes: claim.Spec.AccessModes, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:               &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: namespace, Name: name, UID: claim.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.internal", Path: "/export/" + namespace + "/" + name}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound, LastPhaseTransitionTime: new(c.now())},
	}
	pv.Spec.StorageClassName = class.Name
	if local {
		pv.Labels = map[string]string{corev1.LabelHostname: node}
		pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/var/lib/volumes/" + name}}
		pv.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}},
		}}}}
	}
	c.Create(pv)
	Change(c, namespace, name, func(claim *corev1.PersistentVolumeClaim) {
		claim.Spec.VolumeName, claim.Spec.StorageClassName = pv.Name, &class.Name
		claim.Status.Phase, claim.Status.AccessModes, claim.Status.Capacity = corev1.ClaimBound, claim.Spec.AccessModes, claim.Spec.Resources.Requests
	})
}

// class is that of a claim, or the one that is taken where none is named; nil where
// there is none.
func (c *Cluster) class(claim *corev1.PersistentVolumeClaim) *storagev1.StorageClass {
	if name := claim.Spec.StorageClassName; name != nil {
		return Get[*storagev1.StorageClass](c, "", *name)
	}
	for _, class := range All[*storagev1.StorageClass](c, "") {
		if class.Annotations[isDefault] == "true" {
			return class
		}
	}
	return nil
}

// claimLook is between two looks at a claim that has no volume.
const claimLook = 15 * time.Second

// unbound says why a claim has no volume, whenever it is looked at.
func (c *Cluster) unbound(claim *corev1.PersistentVolumeClaim, kind, reason, message string) {
	key := c.kindOf(claim).key(claim.Namespace, claim.Name)
	if _, waits := c.later[key]; waits {
		return
	}
	c.Event(claim, "persistentvolume-controller", kind, reason, message)
	c.After(claim, claimLook)
}

// claimants are the pods that use a claim and have not ended.
func (c *Cluster) claimants(namespace, claim string) []*corev1.Pod {
	return slices.DeleteFunc(All[*corev1.Pod](c, namespace), func(p *corev1.Pod) bool {
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || !slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim
		})
	})
}

// release lets the volume of a claim go that is gone, or keeps it for nobody, as it was
// made to.
func (c *Cluster) release(namespace, claim string) {
	for _, v := range All[*corev1.PersistentVolume](c, "") {
		if of := v.Spec.ClaimRef; of == nil || of.Namespace != namespace || of.Name != claim || v.Status.Phase != corev1.VolumeBound {
			continue
		}
		c.phase(v, corev1.VolumeReleased)
		if v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
			c.Delete(v)
		}
	}
}

func (c *Cluster) phase(v *corev1.PersistentVolume, phase corev1.PersistentVolumePhase) {
	Change(c, "", v.Name, func(v *corev1.PersistentVolume) {
		now := c.now()
		v.Status.Phase, v.Status.LastPhaseTransitionTime = phase, &now
	})
}

// offer has a volume that is new be there for claims, and one go that nobody uses.
func offer(c *Cluster, _, name string) {
	switch v := Get[*corev1.PersistentVolume](c, "", name); {
	case v == nil:
	case v.Status.Phase == corev1.VolumePending:
		c.phase(v, corev1.VolumeAvailable)
	case v.DeletionTimestamp != nil && v.Status.Phase != corev1.VolumeBound:
		c.finished(c.kindOf(v).key("", name), keptVolume)
	}
}
